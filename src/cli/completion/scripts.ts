/**
 * What the shells source. Each hands the words to `upstreamtop completion --words` and takes its lines as words: nothing of them is
 * evaluated. Two seconds for one Tab are enough, however large the file. Without a line the shell completes file names.
 */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

const BASH = `# bash completion for upstreamtop
_upstreamtop() {
  mapfile -t COMPREPLY < <(command timeout 2 upstreamtop completion bash --words -- "\${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
}
complete -o default -F _upstreamtop upstreamtop
`

const ZSH = `#compdef upstreamtop
_upstreamtop() {
  local line
  local -a values shown
  command timeout 2 upstreamtop completion zsh --words -- "\${(@Q)words[1,CURRENT]}" 2>/dev/null | while IFS= read -r line; do
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done
  if (( $#values )); then
    compadd -l -d shown -a -- values
  else
    _files
  fi
}
if [[ "$funcstack[1]" = _upstreamtop ]]; then
  _upstreamtop "$@"
else
  compdef _upstreamtop upstreamtop
fi
`

const FISH = `# fish completion for upstreamtop
function __upstreamtop_complete
    set -l current (commandline -ct)
    set -l found (command timeout 2 upstreamtop completion fish --words -- (commandline -opc) "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c upstreamtop -f -a '(__upstreamtop_complete)'
`

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const satisfies Record<Shell, string>
