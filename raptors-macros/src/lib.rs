//! `#[kernel]`, the attribute on every generated kernel of raptors.
//!
//! It wraps a body that can be read; it invents none. What it emits is the function as it stands, with the attributes
//! that its ISA asks for and where it begins in memory, and one constant: the kernel's row for the dispatch table.
#![forbid(unsafe_code)]

mod kernel;

use proc_macro::TokenStream;

/// Makes a function a kernel of the dispatch table.
///
/// ```text
/// #[kernel(computes = "mul_m_s", skeleton = "map", takes = "ms", dtype = "f32", isa = "avx2", unroll = 4)]
/// fn mul_m_s_map_f32_avx2_u4(x: MatrixRef<'_, f32>, k: f32, mut out: MatrixMut<'_, f32>) { … }
/// ```
///
/// Arguments: `computes`, `skeleton` (`map`, `runs`, `in_order`, `columns`, `tree`), of a map what it `takes` (a letter an
/// argument: `m`atrix, `r`ow, `c`olumn, `s`calar), `dtype`, `isa`, `unroll`, and what differs from the plainest variant:
/// `schedule = "pipelined"`, `streams = 8`, `tile = "1 KiB"`, `prefetch = "l1 8 lines"`, `store = "streaming"`,
/// `inplace = 0` (which matrix is overwritten). The function's name has to be the one these make. It takes named
/// parameters, returns nothing, and is neither generic nor `async`, `const`, `unsafe` or `extern`.
///
/// Emits the function with `#[cfg(target_arch)]` and `#[target_feature]` of the ISA, and beside it the constant
/// `MUL_M_S_MAP_F32_AVX2_U4`, a row whose type checks the parameters against the signature.
#[proc_macro_attribute]
pub fn kernel(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
