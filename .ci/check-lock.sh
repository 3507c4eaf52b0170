#!/bin/sh
# Does requirements.lock resolve, with its hashes and ready-made wheels, wherever dae_lab is to run? Needs uv.
set -u

if ! command -v uv >/dev/null 2>&1; then
    echo "error: this needs uv" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
printf '%-15s %-6s %-6s %-6s\n' "" 3.11 3.12 3.13
while read -r title platform; do
    printf '%-15s' "$title"
    for version in 3.11 3.12 3.13; do
        # antlr4, Hydra's parser, is pure Python and has no wheel
        if uv pip install --dry-run --quiet --require-hashes --only-binary :all: \
            --no-binary antlr4-python3-runtime --python-version "$version" --python-platform "$platform" \
            --target "$folder/empty" --requirements requirements.lock >>"$folder/reasons" 2>&1 </dev/null; then
            printf ' %-6s' yes
        else
            printf ' %-6s' NO
            status=1
        fi
    done
    echo
done <<'END'
Linux-x86-64 x86_64-manylinux_2_28
Linux-arm64 aarch64-manylinux_2_28
macOS-arm64 aarch64-apple-darwin
Windows-x86-64 x86_64-pc-windows-msvc
END
[ $status = 0 ] || cat "$folder/reasons" >&2
exit $status
