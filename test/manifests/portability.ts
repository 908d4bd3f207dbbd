/** What one shell, userland or make has and another lacks, found in a line by its look. */
export interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** Lines that it refuses. */
  readonly samples: readonly [string, ...string[]];
}

const rule = (name: string, pattern: RegExp, ...samples: readonly [string, ...string[]]): Rule => ({
  name,
  pattern,
  samples,
});

/** Where a command's name stands. */
const command = (names: string, rest = String.raw`(?![\w./=-])`) =>
  new RegExp(String.raw`(?:^|[;&|(!]|\{\s|\bthen|\bdo|\belse|\bif)\s*(?:${names})${rest}`);
const coreutils =
  'awk|basename|cat|chmod|chown|cksum|cmp|cp|cut|date|df|diff|dirname|du|env|expr|find|grep|head|id|kill|ln|ls|mkdir|mktemp|mv|paste|ps|rm|rmdir|sed|sleep|sort|tail|tar|tee|touch|tr|uname|uniq|wc|xargs';

/** Beyond POSIX, in bash, ksh or zsh. */
const shell = [
  rule(
    'declare and its kin',
    command('declare|typeset|local|readarray|mapfile|let|shopt|coproc|select|disown|pushd|popd'),
    'declare -A before',
    'local -n list=$1',
    'mapfile -t lines',
    '  readarray lines',
    'let n=1',
    'if shopt -q x; then',
  ),
  rule('wait -n', /\bwait\s+-/, 'wait -n'),
  rule('source', command('source'), 'source lib.sh'),
  rule('function', command('function', String.raw`\s+\w`), 'function f {'),
  rule('another case of a value', /\$\{\w+[,^]/, 'echo ${name,,}', 'echo ${name^^}'),
  rule('a replacement in a value', /\$\{\w+\//, 'echo ${name//a/b}'),
  rule('a part of a value', /\$\{\w+:(?:[\d$]|\s+-?\d)/, 'echo ${name:0:3}', 'echo ${name: -1}'),
  rule('indirection', /\$\{!/, 'echo ${!name}'),
  rule(
    'arrays',
    /\$\{\w+\[|(?:^|[\s;])\w+\+?=\(|^\s*\w+\[\w+\]=/,
    'echo "${list[@]}"',
    'list=(a b)',
    'list+=($!)',
    'list[0]=a',
  ),
  rule('[[', /(?:^|[\s;&|!(])\[\[\s/, 'if [[ $a == b ]]; then', 'f && [[ -f x ]]'),
  rule('== in a test', /(?:\[|\btest)\s[^|;&]*\s==\s/, '[ "$a" == b ]'),
  rule(
    '-a, -o and -v in a test',
    /\[\s[^\]|;&]*\s-[ao]\s|\[\s(?:!\s)?-v\s/,
    '[ "$a" = b -o "$c" = d ]',
    '[ -v a ]',
  ),
  rule('a here-string', /<<</, 'grep a <<<"$text"'),
  rule('a process as a file', /(?:^|\s)[<>]\(/, 'diff <(a) <(b)', 'tee >(a)'),
  rule('&> and |&', /&>|\|&/, 'command &>file', 'command |& tee'),
  rule("$'…'", /(?:^|[\s=(])\$'/, "IFS=$'\\n'"),
  rule('{a..b}', /\{\w+\.\.\w+\}/, 'for i in {1..3}; do'),
  rule('((…))', /(?:^|[\s;&|!])\(\(/, 'if ((n > 1)); then'),
  rule(
    'read but with -r',
    /\bread\b[^|;&<]*\s-(?!r\s)\w/,
    'read -d "" -r x',
    'read -r -a list',
    'read -p ask x',
  ),
  rule(
    'options of echo and printf',
    /\b(?:echo\s+-[neE]+|printf\s+-v)\b/,
    'echo -e "a\\n"',
    'echo -n a',
    'printf -v x a',
  ),
  rule('%q', /\bprintf\b.*%q/, "printf '%q' x"),
  rule('pipefail', /\bpipefail\b/, 'set -euo pipefail'),
  rule(
    'traps of bash',
    /\btrap\b.*\b(?:ERR|DEBUG|RETURN|SIG[A-Z]+)\b/,
    'trap stop ERR',
    'trap stop SIGINT',
  ),
  rule(
    'variables of bash',
    /\$\{?(?:RANDOM|SECONDS|BASH\w*|EPOCH\w*|UID|EUID|PIPESTATUS|OSTYPE|HOSTNAME|FUNCNAME)\b/,
    'echo $RANDOM',
    'cd "${BASH_SOURCE[0]}"',
  ),
  rule(';& and ;;&', /;;?&/, 'a) b ;&'),
  rule('another shell', command('bash|zsh|ksh'), 'bash scripts/x.sh', 'x && zsh y'),
  rule('which', command('which|type'), 'if which docker; then'),
  rule('export -f, exec -a', /\b(?:export\s+-[fn]|exec\s+-)/, 'export -f f', 'exec -a b c'),
];

/** Beyond POSIX, in GNU's tools and not in macOS'. */
const tools = [
  rule(
    'a long option',
    command(coreutils, String.raw`\s(?:[^|;&]*\s)?--[a-z]`),
    'cp --parents a b',
    'ls --color',
    'rm -f --verbose x',
    'x | sort --reverse',
  ),
  rule(
    'options of sed',
    command('sed', String.raw`\s+(?:-[nE]+\s+)*-[a-zA-Z]*[irsz]`),
    'sed -i s/a/b/ x',
    'sed -n -r p',
    'cat x | sed -ri p',
  ),
  rule(
    'GNU in an expression of sed or grep',
    /\b(?:sed|grep)\b.*\\[+|?swSWbBdt<>]/,
    "sed 's/a\\+/b/'",
    "grep 'a\\|b'",
    "grep -E '\\s'",
    "sed 's/,/\\t/'",
  ),
  rule('a new line made by sed', /\bsed\b.*s([|/#]).*\1[^|/#]*\\n[^|/#]*\1/, "sed 's/,/\\n/g'"),
  rule('grep -P', /\bgrep\s+(?:-\w+\s+)*-\w*P/, "grep -P 'a'", "grep -q -oP 'a'"),
  rule(
    'commands of GNU',
    command(
      'realpath|timeout|tac|seq|nproc|shuf|numfmt|stat|setsid|flock|gawk|gsed|md5sum|sha\\d+sum|truncate|column|pgrep|pkill',
    ),
    'realpath x',
    'timeout 5 a',
    'tac x',
    'for i in $(seq 3); do',
    'stat -c %s x',
    'x | sha256sum',
  ),
  rule('readlink -f', /\breadlink\s+-/, 'readlink -f x'),
  rule(
    'options of date',
    /\bdate\s[^|;&)]*(?:-[dIr]|%N|%-)/,
    'date -d yesterday',
    'date +%s%N',
    'date -Iseconds',
  ),
  rule('options of xargs', /\bxargs\s[^|;&]*-\w*[rda]\b/, 'x | xargs -r rm', "xargs -0 -d ',' x"),
  rule('options of mktemp', /\bmktemp\s[^|;&)]*-\w*[ptu]/, 'mktemp -p /tmp', 'mktemp -d -t x'),
  rule('options of sort', /\bsort\s[^|;&]*-\w*[VRhz]/, 'sort -V', 'sort -n -h'),
  rule('head without the last', /\bhead\s[^|;&]*-(?:n\s*|c\s*)-/, 'head -n -1'),
  rule(
    'options of cp, mv and ln',
    /\b(?:cp|mv|ln)\s[^|;&]*-\w*[tTurv]\b/,
    'ln -sr a b',
    'cp -t b a',
    'mv -T a b',
  ),
  rule('base64 -w', /\bbase64\s[^|;&]*-\w*[wd]/, 'base64 -w0', 'base64 -d'),
  rule(
    'options of find',
    /\bfind\s[^|;&]*-(?:printf|regextype|executable|readable)/,
    "find . -printf '%f'",
  ),
  rule(
    'functions of gawk',
    /\b(?:gensub|strftime|systime|asorti?|PROCINFO|BEGINFILE)\b/,
    "awk '{ print gensub(/a/, 1, 2) }'",
  ),
];

/** After GNU make 3.81, which is what macOS has. */
export const makeRules: readonly Rule[] = [
  rule('!=', /^[\w.-]+\s*!=/, 'VERSION != git describe'),
  rule('::=', /^[\w.-]+\s*:::?=/, 'A ::= b', 'A :::= b'),
  rule(
    'special targets',
    /^\.(?:ONESHELL|NOTINTERMEDIATE|WAIT|POSIX)\b|\.WAIT\b/,
    '.ONESHELL:',
    'all: a .WAIT b',
  ),
  rule(
    'special variables',
    /\.(?:SHELLFLAGS|RECIPEPREFIX|EXTRA_PREREQS|SHELLSTATUS)\b/,
    '.SHELLFLAGS := -ec',
    '.RECIPEPREFIX = >',
  ),
  rule('functions', /\$[({](?:file|let|intcmp|guile)\s/, 'X := $(file <x)', '$(let a,b,c)'),
  rule('grouped targets', /^[^#\t]*&\s*:/, 'a b &: c'),
  rule(
    'directives',
    /^(?:undefine|private\s|load\s|unexport\s+\w+\s*=|define\s+\S+\s*[:+?!]?=)/,
    'undefine A',
    'private A := b',
    'define A =',
    'load x.so',
  ),
  rule('options', /--output-sync|--shuffle|--trace\b/, 'MAKEFLAGS += --output-sync'),
];

export const scriptRules: readonly Rule[] = [...shell, ...tools];

/** `file:line: rule` of each line that is refused; comments say what they like. */
export function refused(name: string, text: string, rules: readonly Rule[]): string[] {
  return text.split('\n').flatMap((line, index) => {
    const code = line.replace(/(^|\s)#(?!\{).*$/, '');
    const broken = rules.filter(({ pattern }) => pattern.test(code));
    return broken.map((each) => `${name}:${index + 1}: ${each.name}: ${line.trim()}`);
  });
}
