// Nothing but products of 16x16 matrices in registers, f16 x f16 -> f32: what the matrix units give at best.
//
//  1. a subgroup loads four left and four right matrices, rows of both along K;
//  2. every round adds each of the sixteen products to its own sum; `rounds` comes with the call;
//  3. all sums are written, so nothing can be left out.
//
// operands: halves, 4 left [16, 16], then 4 right [16, 16]; sums f32 [workgroups * 4 subgroups, 16, 16, 16].
// Multiply-adds: workgroups * 4 * rounds * 16 * 16^3.

@group(0) @binding(1) var<storage, read> operands: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sum = subgroup_matrix_result<f32, 16, 16>;

// Vectors of eight halves in a row and in a matrix, and numbers in a sum.
const ROW = 2u;
const MATRIX = 32u;
const NUMBERS = 256u;

fn left(i: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&operands, i * MATRIX, ROW); }
fn right(j: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&operands, (4u + j) * MATRIX, ROW); }
fn write(subgroup: u32, number: u32, sum: Sum) {
  subgroupMatrixStore<row_major>(&sums, (subgroup * 16u + number) * NUMBERS, sum, 16u);
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let subgroup = group.x * (WIDTH / 32u) + local / 32u;
  let l0 = left(0u);
  let l1 = left(1u);
  let l2 = left(2u);
  let l3 = left(3u);
  let r0 = right(0u);
  let r1 = right(1u);
  let r2 = right(2u);
  let r3 = right(3u);
  var c00 = Sum(); var c01 = Sum(); var c02 = Sum(); var c03 = Sum();
  var c10 = Sum(); var c11 = Sum(); var c12 = Sum(); var c13 = Sum();
  var c20 = Sum(); var c21 = Sum(); var c22 = Sum(); var c23 = Sum();
  var c30 = Sum(); var c31 = Sum(); var c32 = Sum(); var c33 = Sum();
  for (var round = 0u; round < params.rounds; round++) {
    c00 = subgroupMatrixMultiplyAccumulate(l0, r0, c00); c01 = subgroupMatrixMultiplyAccumulate(l0, r1, c01);
    c02 = subgroupMatrixMultiplyAccumulate(l0, r2, c02); c03 = subgroupMatrixMultiplyAccumulate(l0, r3, c03);
    c10 = subgroupMatrixMultiplyAccumulate(l1, r0, c10); c11 = subgroupMatrixMultiplyAccumulate(l1, r1, c11);
    c12 = subgroupMatrixMultiplyAccumulate(l1, r2, c12); c13 = subgroupMatrixMultiplyAccumulate(l1, r3, c13);
    c20 = subgroupMatrixMultiplyAccumulate(l2, r0, c20); c21 = subgroupMatrixMultiplyAccumulate(l2, r1, c21);
    c22 = subgroupMatrixMultiplyAccumulate(l2, r2, c22); c23 = subgroupMatrixMultiplyAccumulate(l2, r3, c23);
    c30 = subgroupMatrixMultiplyAccumulate(l3, r0, c30); c31 = subgroupMatrixMultiplyAccumulate(l3, r1, c31);
    c32 = subgroupMatrixMultiplyAccumulate(l3, r2, c32); c33 = subgroupMatrixMultiplyAccumulate(l3, r3, c33);
  }
  write(subgroup, 0u, c00); write(subgroup, 1u, c01); write(subgroup, 2u, c02); write(subgroup, 3u, c03);
  write(subgroup, 4u, c10); write(subgroup, 5u, c11); write(subgroup, 6u, c12); write(subgroup, 7u, c13);
  write(subgroup, 8u, c20); write(subgroup, 9u, c21); write(subgroup, 10u, c22); write(subgroup, 11u, c23);
  write(subgroup, 12u, c30); write(subgroup, 13u, c31); write(subgroup, 14u, c32); write(subgroup, 15u, c33);
}
