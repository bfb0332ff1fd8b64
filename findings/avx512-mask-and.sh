#!/usr/bin/env bash
# Clang 20.1.2 (of ziglang 0.15.1, from PyPI), -O3 -march=skylake_avx512.
#
# A loop over AVX-512 vectors that gathers comparisons in one mask can be written in two ways that mean the same:
#
#   ok &= _mm512_cmp_ps_mask(a, b, _CMP_ORD_Q);                 // compare, then and
#   ok = _mm512_mask_cmp_ps_mask(ok, a, b, _CMP_ORD_Q);         // compare under the mask
#
# One would expect the compiler to make one of the other, or at least `kandw` of the first. It does neither: of the
# first, each comparison is moved to a general register (`kmovd`) and joined there (`andl`): two instructions more for
# each. The second stays in mask registers, and one `kmovd` at the end is all. Seen: 3 comparisons and 3 `kmovd` (the loop is
# unrolled twice, and has a rest) against 3 and 1.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet --disable-pip-version-check ziglang==0.15.1

cat > "$folder/loops.c" <<'SOURCE'
#include <immintrin.h>
#include <stddef.h>

__mmask16 compare_then_and(const float *x, size_t pairs, float *greatest) {
    __m512 m = _mm512_set1_ps(-1e30f);
    __mmask16 ok = 0xffff;
    for (size_t i = 0; i < pairs; i++) {
        __m512 a = _mm512_loadu_ps(x + 32 * i), b = _mm512_loadu_ps(x + 32 * i + 16);
        m = _mm512_max_ps(m, _mm512_max_ps(a, b));
        ok &= _mm512_cmp_ps_mask(a, b, _CMP_ORD_Q);
    }
    _mm512_storeu_ps(greatest, m);
    return ok;
}

__mmask16 compare_under_mask(const float *x, size_t pairs, float *greatest) {
    __m512 m = _mm512_set1_ps(-1e30f);
    __mmask16 ok = 0xffff;
    for (size_t i = 0; i < pairs; i++) {
        __m512 a = _mm512_loadu_ps(x + 32 * i), b = _mm512_loadu_ps(x + 32 * i + 16);
        m = _mm512_max_ps(m, _mm512_max_ps(a, b));
        ok = _mm512_mask_cmp_ps_mask(ok, a, b, _CMP_ORD_Q);
    }
    _mm512_storeu_ps(greatest, m);
    return ok;
}
SOURCE

export ZIG_GLOBAL_CACHE_DIR="$folder/cache" ZIG_LOCAL_CACHE_DIR="$folder/cache"
zig() { "$folder/environment/bin/python" -m ziglang "$@"; }
zig cc --version | head -n 1
zig cc -target x86_64-linux-gnu -O3 -g0 -march=skylake_avx512 -S "$folder/loops.c" -o "$folder/loops.s" 2> "$folder/said" \
    || { cat "$folder/said"; exit 1; }

count() { sed -n "/^$1:/,/\.size/p" "$folder/loops.s" | grep --count "$2" || true; }
failed=0
for expected in "compare_then_and 3 3" "compare_under_mask 3 1"; do
    read -r function compares moves <<< "$expected"
    seen="$(count "$function" vcmpordps) $(count "$function" kmov)"
    echo "$function: $seen (comparisons, moves of masks); expected $compares $moves"
    [ "$seen" = "$compares $moves" ] || failed=1
done
exit $failed
