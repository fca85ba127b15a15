// x [M, K] as halves that matrix_halve_rows.wgsl made: rows of whole eights, zeros beyond K.
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

alias Eight = vec4<u32>;

// Values 8 eighth .. 8 eighth + 7 of a row.
fn load_x(row: u32, eighth: u32) -> Eight { return x[row * ALL_EIGHTHS + eighth]; }

fn to_halves(values: Eight) -> vec4<u32> { return values; }
