#!/bin/sh
# Uses the package as its users do: a package of its own that depends on a tagged version. It clones the current commit,
# builds and runs a small program against it, and leaves nothing behind.
#
# Usage: Tests/Consumer/run.sh [debug|release]
set -eu
configuration=${1:-debug}
here=$(cd "$(dirname "$0")" && pwd)
repository=$(git -C "$here" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

git clone --quiet "$repository" "$work/swift-attention"
git -C "$work/swift-attention" -c advice.detachedHead=false checkout --quiet "$(git -C "$repository" rev-parse HEAD)"
git -C "$work/swift-attention" tag -f 1.0.0 >/dev/null

mkdir -p "$work/consumer/Sources/Consumer"
sed "s|PACKAGE_URL|$work/swift-attention|" "$here/Package.swift.template" >"$work/consumer/Package.swift"
cp "$here/main.swift.template" "$work/consumer/Sources/Consumer/main.swift"
# A cache of its own: the shared one would remember a version 1.0.0 of another commit.
found=$(swift run --package-path "$work/consumer" --scratch-path "$work/build" --cache-path "$work/cache" \
  --configuration "$configuration" --quiet Consumer)
expected="[1, 4, 50] scores, the same with a cache: true"
if [ "$found" != "$expected" ]; then
  echo "expected: $expected" >&2
  echo "found:    $found" >&2
  exit 1
fi
echo "$found"
