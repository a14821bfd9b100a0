import assert from "node:assert/strict";
import { DEFAULT_POLICY, type Policy } from "../../../../src/domain/database/events.ts";
import { weakened } from "../../../../src/domain/database/weakened.ts";

const NOW = "2026-03-01T12:00:00.000Z";
const WINDOW = { opens: "0 2 * * *", minutes: 60, timeZone: "UTC" };
const freeze = (from: string, to: string, reason = "audit") => ({ from, to, reason });
const signer = { name: "release", key: "ssh-ed25519 AAAA" };
const identity = { name: "main", issuer: "https://ci", claims: { ref: "main" } };

type Change = readonly [before: Partial<Policy>, after: Partial<Policy>];

const between = ([before, after]: Change): readonly string[] =>
  weakened({ ...DEFAULT_POLICY, ...before }, { ...DEFAULT_POLICY, ...after }, NOW);

/** By member: changes that demand less. */
const WEAKER: { readonly [member: string]: readonly Change[] } = {
  approvals: [[{ approvals: 2 }, { approvals: 1 }]],
  approvalsIfDestructive: [
    [{ approvalsIfDestructive: 2 }, {}],
    [
      { approvals: 1, approvalsIfDestructive: 3 },
      { approvals: 2, approvalsIfDestructive: 2 },
    ],
  ],
  approvalHours: [
    [{ approvalHours: 5 }, {}],
    [{ approvalHours: 5 }, { approvalHours: 6 }],
  ],
  window: [
    [{ window: WINDOW }, {}],
    [{ window: WINDOW }, { window: { ...WINDOW, minutes: 61 } }],
    [{ window: WINDOW }, { window: { ...WINDOW, opens: "0 3 * * *" } }],
    [{ window: WINDOW }, { window: { ...WINDOW, timeZone: "Europe/Vienna" } }],
  ],
  freezes: [
    [{ freezes: [freeze("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")] }, {}],
    [
      { freezes: [freeze("2026-04-01T00:00:00Z", "2026-04-03T00:00:00Z")] },
      { freezes: [freeze("2026-04-02T00:00:00Z", "2026-04-03T00:00:00Z")] },
    ],
  ],
  reviewHours: [
    [{}, { reviewHours: 73 }],
    [{ reviewHours: 5 }, {}],
  ],
  rehearse: [[{}, { rehearse: false }]],
  approvers: [
    [{ approvers: "provider" }, { approvers: "people" }],
    [{ approvers: "people" }, {}],
  ],
  approvalSignatures: [
    [{ approvalSignatures: { signers: [signer], required: true } }, {}],
    [
      { approvalSignatures: { signers: [signer], required: true } },
      { approvalSignatures: { signers: [signer] } },
    ],
    [
      { approvalSignatures: { signers: [signer], required: true } },
      { approvalSignatures: { signers: [signer, { name: "x", key: "other" }], required: true } },
    ],
    [
      { approvalSignatures: { signers: [{ ...signer, actor: "act_1" }], required: true } },
      { approvalSignatures: { signers: [signer], required: true } },
    ],
  ],
  trust: [
    [{ trust: { signers: [signer] } }, {}],
    [{ trust: { signers: [signer] } }, { trust: { signers: [{ ...signer, key: "other" }] } }],
    [
      { trust: { signers: [{ ...signer, until: "2026-04-01T00:00:00Z" }] } },
      { trust: { signers: [signer] } },
    ],
    [
      { trust: { signers: [{ ...signer, revokedAt: "2026-02-01T00:00:00Z" }] } },
      { trust: { signers: [{ ...signer, revokedAt: "2026-05-01T00:00:00Z" }] } },
    ],
    [{ trust: { signers: [signer] } }, { trust: { signers: [signer], identities: [identity] } }],
    [
      { trust: { identities: [identity] } },
      { trust: { identities: [{ ...identity, claims: {} }] } },
    ],
  ],
  sqlLimits: [
    [{ sqlLimits: { bytes: 5 } }, {}],
    [{ sqlLimits: { statements: 5 } }, { sqlLimits: { statements: 6 } }],
    [{ sqlLimits: { classes: ["insert"] } }, { sqlLimits: { classes: ["insert", "delete"] } }],
    [{ sqlLimits: { classes: ["insert"] } }, { sqlLimits: { bytes: 1 } }],
  ],
  retention: [
    [{}, { retention: { keepLast: 100 } }],
    [{ retention: { keepLast: 3 } }, { retention: { keepLast: 2 } }],
    [{ retention: { daily: 3 } }, { retention: { weekly: 3 } }],
    [{ retention: { legalHold: true } }, { retention: {} }],
    [{ retention: { daily: 3 } }, { retention: { daily: 3, cleanupAfterSuccess: true } }],
  ],
};

describe("a policy that demands less", () => {
  for (const [member, changes] of Object.entries(WEAKER))
    it(`is seen in ${member}, and its opposite demands more`, () => {
      for (const change of changes) {
        assert.ok(between(change).includes(member), JSON.stringify(change));
        assert.deepEqual(between([change[0], change[0]]), [], "the same is no change");
      }
      // The first of each is put right again by going back, except where neither is less.
      const [before, after] = changes[0]!;
      assert.ok(!between([after, before]).includes(member), member);
    });

  it("is none where a key's time ends sooner, or it is revoked", () => {
    const before = { trust: { signers: [signer], identities: [identity] } };
    const sooner = { ...signer, from: NOW, until: "2026-04-01T00:00:00Z", revokedAt: NOW };
    assert.deepEqual(between([before, { trust: { signers: [sooner] } }]), []);
    assert.deepEqual(between([before, { trust: { identities: [identity] } }]), []);
  });

  it("is none where a freeze is over, is longer, or another comes", () => {
    const over = freeze("2026-01-01T00:00:00Z", NOW);
    assert.deepEqual(between([{ freezes: [over] }, {}]), []);
    const one = freeze("2026-04-02T00:00:00Z", "2026-04-03T00:00:00Z");
    const longer = freeze("2026-04-01T00:00:00+02:00", "2026-04-04T00:00:00Z", "other words");
    assert.deepEqual(between([{ freezes: [one] }, { freezes: [over, longer] }]), []);
  });

  it("is none where runs are to do otherwise, or alerts come otherwise", () => {
    const before = { onFailure: "stop", stepTimeoutMs: 5, backupAlertHours: 5 } as const;
    assert.deepEqual(between([before, { onFailure: "restore" }]), []);
  });
});
