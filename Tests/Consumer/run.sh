#!/bin/sh
# Uses the package as README.md says: a package of its own, with the manifest that stands there, that depends on a tagged
# version. It clones the current commit, builds each snippet of the README as the whole program of that package, runs those
# that say what they print, and leaves nothing behind.
#
# Usage: Tests/Consumer/run.sh [debug|release]
set -eu
configuration=${1:-debug}
here=$(cd "$(dirname "$0")" && pwd)
repository=$(git -C "$here" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
fail() {
  echo "$1" >&2
  exit 1
}

git clone --quiet "$repository" "$work/swift-attention"
git -C "$work/swift-attention" -c advice.detachedHead=false checkout --quiet "$(git -C "$repository" rev-parse HEAD)"

# The README's blocks of Swift: 1.swift is the manifest, each other one a program.
awk -v folder="$work" '
  /^```swift$/ { count += 1; inside = 1; next }
  /^```$/ { inside = 0 }
  inside { print > (folder "/" count ".swift") }
  END { print count + 0 > (folder "/count") }
' "$work/swift-attention/README.md"
count=$(cat "$work/count")
[ "$count" -ge 7 ] || fail "README.md has $count blocks of Swift, not a manifest and six programs"

package="$work/consumer"
mkdir -p "$package/Sources/Reader"
url=$(sed -n 's/.*\.package(url: "\([^"]*\)", from: "[0-9.]*").*/\1/p' "$work/1.swift")
version=$(sed -n 's/.*\.package(url: "[^"]*", from: "\([0-9.]*\)").*/\1/p' "$work/1.swift")
[ -n "$version" ] || fail "the README's first block of Swift is no manifest that depends on a version"
git -C "$work/swift-attention" tag -f "$version" >/dev/null
sed "s|$url|$work/swift-attention|" "$work/1.swift" >"$package/Package.swift"

# Builds a program as the consumer's own, without warnings, and runs it where it says what it prints: behind `// ` on the
# line of each `print`.
try() { # try FILE
  cp "$1" "$package/Sources/Reader/main.swift"
  # A cache of its own: the shared one would remember a version of another commit.
  swift build --package-path "$package" --scratch-path "$work/build" --cache-path "$work/cache" \
    --configuration "$configuration" --explicit-target-dependency-import-check error --quiet >"$work/log" 2>&1 ||
    fail "$(cat "$1" "$work/log")"
  if grep 'warning:' "$work/log" >/dev/null; then fail "$(cat "$1" "$work/log")"; fi
  expected=$(sed -n 's/^print(.*) *\/\/ //p' "$1")
  [ -n "$expected" ] || return 0
  found=$("$work/build/$configuration/Reader")
  [ "$found" = "$expected" ] || fail "expected: $expected
found:    $found"
  echo "$found"
}
number=2
while [ "$number" -le "$count" ]; do
  try "$work/$number.swift"
  number=$((number + 1))
done
try "$here/main.swift.template"
echo "the README's $((count - 1)) programs build in a package of their own"
