// ops/product.toml:7  ·  unroll 1
#[kernel(
    computes = "mul",
    skeleton = "in_order",
    dtype = "f32",
    isa = "portable",
    unroll = 1
)]
fn mul_in_order_f32_portable_u1(x: MatrixRef<'_, f32>, acc: &mut [f32]) {
    use crate::simd::portable::f32 as v;
    for (acc, run) in acc.iter_mut().zip(x.rows()) {
        *acc = run.iter().copied().fold(1.0, |acc, x| acc * x);
    }
}
