import { defineCommand } from "../command.ts";

export const command = defineCommand<object>({
  arguments: [{ name: "<shell>", description: "the shell", choices: ["bash", "zsh", "fish"] }],
  format: null,
  examples: [
    'bash:  eval "$(schemaledger completion bash)"      # in ~/.bashrc',
    'zsh:   eval "$(schemaledger completion zsh)"       # in ~/.zshrc, after compinit',
    "fish:  schemaledger completion fish > ~/.config/fish/completions/schemaledger.fish",
  ],
  run: async ({ args, out }) => {
    const { completionScript } = await import("../completion/script.ts");
    out.raw(await completionScript(args[0] as "bash" | "zsh" | "fish"));
  },
});
