// Command verify_log checks a running Schemaledger log with nothing but Go's golang.org/x/mod/sumdb:
// its checkpoint, every tile and entry, inclusion and consistency, made here and as served.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify_log.go URL TOKEN VKEY [OLDSIZE]
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify_log.go vectors vectors.json
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "vectors" {
		checkVectors(os.Args[2])
		return
	}
	old := int64(1)
	if len(os.Args) == 5 {
		old = number(os.Args[4])
	}
	service := &service{os.Args[1], os.Args[2]}
	service.check(os.Args[3], old)
}

type service struct{ url, token string }

func (s *service) get(path string) []byte {
	request, err := http.NewRequest("GET", s.url+path, nil)
	must(err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(err)
	require(response.StatusCode == 200, "GET %s: %s %s", path, response.Status, body)
	return body
}

func (s *service) check(vkey string, old int64) {
	signed := s.get("/v1/ledger/checkpoint")
	tree := openCheckpoint(signed, vkey)
	hashes := tlog.TileHashReader(tree, &tiles{s})

	// Every leaf: the reader proves each tile against the root, the entry must have the leaf's hash.
	for from := int64(0); from < tree.N; from += 256 {
		width := min(256, tree.N-from)
		entries := parseBundle(s.get("/v1/ledger/tile/entries/" + tileName(from/256, width)))
		require(int64(len(entries)) == width, "%d entries at %d, not %d", len(entries), from, width)
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, from+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		must(err)
		for i, entry := range entries {
			require(leaves[i] == tlog.RecordHash(entry), "entry %d has another hash", from+int64(i))
		}
	}

	// Inclusion: a proof made here from the tiles, and the file that the service gives.
	for _, index := range []int64{0, tree.N / 2, tree.N - 1} {
		entry := s.get(fmt.Sprintf("/v1/ledger/events/%d/entry", index))
		leaf := tlog.RecordHash(entry)
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf))
		file := string(s.get(fmt.Sprintf("/v1/ledger/events/%d/proof", index)))
		checkProofFile(file, index, leaf, vkey)
	}

	// Consistency: made here from the tiles, and as served.
	oldRoot, err := tlog.TreeHash(old, hashes)
	must(err)
	proof, err := tlog.ProveTree(tree.N, old, hashes)
	must(err)
	must(tlog.CheckTree(proof, tree.N, tree.Hash, old, oldRoot))
	var served struct {
		Root       string
		Proof      []string
		Checkpoint string
	}
	must(json.Unmarshal(s.get(fmt.Sprintf("/v1/ledger/consistency?size=%d", old)), &served))
	now := openCheckpoint([]byte(served.Checkpoint), vkey)
	require(hashOf(served.Root) == oldRoot, "the service has another root at size %d", old)
	must(tlog.CheckTree(hashesOf(served.Proof), now.N, now.Hash, old, oldRoot))
	fmt.Printf("ok: %d entries, root %s\n", tree.N, tree.Hash)
}

func checkProofFile(file string, index int64, leaf tlog.Hash, vkey string) {
	head, checkpoint, found := strings.Cut(file, "\n\n")
	require(found, "the proof has no checkpoint")
	lines := strings.Split(head, "\n")
	require(lines[0] == "c2sp.org/tlog-proof@v1", "not a proof file: %s", lines[0])
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	require(lines[0] == fmt.Sprintf("index %d", index), "the proof is of another entry: %s", lines[0])
	tree := openCheckpoint([]byte(checkpoint), vkey)
	must(tlog.CheckRecord(hashesOf(lines[1:]), tree.N, tree.Hash, index, leaf))
}

// openCheckpoint checks the signature. x/mod reads only trees of "go.sum database tree" by itself.
func openCheckpoint(signed []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	require(len(lines) >= 4 && lines[0] == verifier.Name(), "not a checkpoint: %q", opened.Text)
	return tlog.Tree{N: number(lines[1]), Hash: hashOf(lines[2])}
}

// tiles reads the tiles that TileHashReader asks for; it checks them itself.
type tiles struct{ service *service }

func (t *tiles) Height() int                             { return 8 }
func (t *tiles) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		name := tileName(tile.N, int64(tile.W))
		found[i] = t.service.get(fmt.Sprintf("/v1/ledger/tile/%d/%s", tile.L, name))
	}
	return found, nil
}

// tileName is what x/mod calls tile/8/L/NNN without its beginning.
func tileName(n, width int64) string {
	path := tlog.Tile{H: 8, L: 0, N: n, W: int(width)}.Path()
	return strings.TrimPrefix(path, "tile/8/0/")
}

func parseBundle(bundle []byte) [][]byte {
	var entries [][]byte
	for len(bundle) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries
}

type vectorSet struct {
	LeavesHex  []string `json:"leaves_hex"`
	LeafHashes []string `json:"leaf_hashes"`
	Roots      []string
	Inclusion  []struct {
		Index, Size int64
		Proof       []string
	}
	Consistency []struct {
		Old, Size int64
		Proof     []string
	}
}

// checkVectors holds the vectors against x/mod: what our tests produce byte for byte is right.
func checkVectors(path string) {
	text, err := os.ReadFile(path)
	must(err)
	var vectors struct {
		SetA, SetB  vectorSet
		Keys        struct{ Log struct{ Vkey string } }
		Checkpoint8 struct{ Signed string }
	}
	must(json.Unmarshal(text, &vectors))
	proofs := 0
	for _, set := range []vectorSet{vectors.SetA, vectors.SetB} {
		for i, leaf := range set.LeavesHex {
			entry, err := hex.DecodeString(leaf)
			must(err)
			require(tlog.RecordHash(entry) == fromHex(set.LeafHashes[i]), "leaf %d", i)
		}
		for _, one := range set.Inclusion {
			root, leaf := fromHex(set.Roots[one.Size]), fromHex(set.LeafHashes[one.Index])
			must(tlog.CheckRecord(allFromHex(one.Proof), one.Size, root, one.Index, leaf))
			proofs++
		}
		for _, one := range set.Consistency {
			to, from := fromHex(set.Roots[one.Size]), fromHex(set.Roots[one.Old])
			must(tlog.CheckTree(allFromHex(one.Proof), one.Size, to, one.Old, from))
			proofs++
		}
	}
	tree := openCheckpoint([]byte(vectors.Checkpoint8.Signed), vectors.Keys.Log.Vkey)
	require(tree.Hash == fromHex(vectors.SetB.Roots[8]), "the checkpoint has another root")
	fmt.Printf("ok: %d proofs of the vectors\n", proofs)
}

func hashesOf(lines []string) []tlog.Hash {
	hashes := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		hashes[i] = hashOf(line)
	}
	return hashes
}

func hashOf(text string) (hash tlog.Hash) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	must(err)
	require(len(decoded) == 32, "not a hash: %s", text)
	copy(hash[:], decoded)
	return hash
}

func allFromHex(texts []string) []tlog.Hash {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		hashes[i] = fromHex(text)
	}
	return hashes
}

func fromHex(text string) (hash tlog.Hash) {
	decoded, err := hex.DecodeString(text)
	must(err)
	require(bytes.Equal(decoded[:], decoded[:32]), "not a hash: %s", text)
	copy(hash[:], decoded)
	return hash
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return value
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(10)
	}
}

func require(condition bool, format string, values ...any) {
	if !condition {
		must(fmt.Errorf(format, values...))
	}
}
