// A subgroup's part of a tile in matrix_tiles.wgsl: 64 rows x 64 outputs, sixteen sums of 16x16, for slices
// of 32 columns. Each matrix of W serves four of x. Written out: sums that a loop indexes may leave the registers.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first_row = (group.z * BAND + group.x) * TILE_ROWS;
  let first_output = group.y * TILE_OUTPUTS;
  if (first_row >= params.rows) { return; }
  lane = local % SUBGROUP;
  let subgroup = local / SUBGROUP;
  let part = subgroup / DEPTH;
  let left = part / PARTS_ALONG * PART_ROWS;
  let right = part % PARTS_ALONG * PART_OUTPUTS;
  let row = first_row + left;
  let output = first_output + right;
  let straight = STRAIGHT && first_row + TILE_ROWS <= params.rows && first_output + TILE_OUTPUTS <= OUTPUTS;

  var c00 = Acc(); var c01 = Acc(); var c02 = Acc(); var c03 = Acc();
  var c10 = Acc(); var c11 = Acc(); var c12 = Acc(); var c13 = Acc();
  var c20 = Acc(); var c21 = Acc(); var c22 = Acc(); var c23 = Acc();
  var c30 = Acc(); var c31 = Acc(); var c32 = Acc(); var c33 = Acc();
  if (straight) {
    let at0 = row * OUTPUTS + output;
    c00 = begin(at0); c01 = begin(at0 + 16u); c02 = begin(at0 + 32u); c03 = begin(at0 + 48u);
    let at1 = (row + 16u) * OUTPUTS + output;
    c10 = begin(at1); c11 = begin(at1 + 16u); c12 = begin(at1 + 32u); c13 = begin(at1 + 48u);
    let at2 = (row + 32u) * OUTPUTS + output;
    c20 = begin(at2); c21 = begin(at2 + 16u); c22 = begin(at2 + 32u); c23 = begin(at2 + 48u);
    let at3 = (row + 48u) * OUTPUTS + output;
    c30 = begin(at3); c31 = begin(at3 + 16u); c32 = begin(at3 + 32u); c33 = begin(at3 + 48u);
  }

  var next = fetch(first_row, first_output, 0u, local);
  for (var slice = 0u; slice < SLICES; slice++) {
    workgroupBarrier();
    place(next, local);
    workgroupBarrier();
    if (slice + 1u < SLICES) { next = fetch(first_row, first_output, slice + 1u, local); }
    {
      let a0 = load_left(left * STRIDE);
      let a1 = load_left((left + 16u) * STRIDE);
      let a2 = load_left((left + 32u) * STRIDE);
      let a3 = load_left((left + 48u) * STRIDE);
      let b0 = load_right(right * STRIDE);
      c00 = multiply(a0, b0, c00); c10 = multiply(a1, b0, c10);
      c20 = multiply(a2, b0, c20); c30 = multiply(a3, b0, c30);
      let b1 = load_right((right + 16u) * STRIDE);
      c01 = multiply(a0, b1, c01); c11 = multiply(a1, b1, c11);
      c21 = multiply(a2, b1, c21); c31 = multiply(a3, b1, c31);
      let b2 = load_right((right + 32u) * STRIDE);
      c02 = multiply(a0, b2, c02); c12 = multiply(a1, b2, c12);
      c22 = multiply(a2, b2, c22); c32 = multiply(a3, b2, c32);
      let b3 = load_right((right + 48u) * STRIDE);
      c03 = multiply(a0, b3, c03); c13 = multiply(a1, b3, c13);
      c23 = multiply(a2, b3, c23); c33 = multiply(a3, b3, c33);
    }
    {
      let a0 = load_left(left * STRIDE + 2u);
      let a1 = load_left((left + 16u) * STRIDE + 2u);
      let a2 = load_left((left + 32u) * STRIDE + 2u);
      let a3 = load_left((left + 48u) * STRIDE + 2u);
      let b0 = load_right(right * STRIDE + 2u);
      c00 = multiply(a0, b0, c00); c10 = multiply(a1, b0, c10);
      c20 = multiply(a2, b0, c20); c30 = multiply(a3, b0, c30);
      let b1 = load_right((right + 16u) * STRIDE + 2u);
      c01 = multiply(a0, b1, c01); c11 = multiply(a1, b1, c11);
      c21 = multiply(a2, b1, c21); c31 = multiply(a3, b1, c31);
      let b2 = load_right((right + 32u) * STRIDE + 2u);
      c02 = multiply(a0, b2, c02); c12 = multiply(a1, b2, c12);
      c22 = multiply(a2, b2, c22); c32 = multiply(a3, b2, c32);
      let b3 = load_right((right + 48u) * STRIDE + 2u);
      c03 = multiply(a0, b3, c03); c13 = multiply(a1, b3, c13);
      c23 = multiply(a2, b3, c23); c33 = multiply(a3, b3, c33);
    }
  }

  if (straight) {
    let at0 = row * OUTPUTS + output;
    store_y(at0, c00); store_y(at0 + 16u, c01); store_y(at0 + 32u, c02); store_y(at0 + 48u, c03);
    let at1 = (row + 16u) * OUTPUTS + output;
    store_y(at1, c10); store_y(at1 + 16u, c11); store_y(at1 + 32u, c12); store_y(at1 + 48u, c13);
    let at2 = (row + 32u) * OUTPUTS + output;
    store_y(at2, c20); store_y(at2 + 16u, c21); store_y(at2 + 32u, c22); store_y(at2 + 48u, c23);
    let at3 = (row + 48u) * OUTPUTS + output;
    store_y(at3, c30); store_y(at3 + 16u, c31); store_y(at3 + 32u, c32); store_y(at3 + 48u, c33);
    return;
  }
  write_checked(c00, c01, subgroup, row, output);
  write_checked(c02, c03, subgroup, row, output + 32u);
  write_checked(c10, c11, subgroup, row + 16u, output);
  write_checked(c12, c13, subgroup, row + 16u, output + 32u);
  write_checked(c20, c21, subgroup, row + 32u, output);
  write_checked(c22, c23, subgroup, row + 32u, output + 32u);
  write_checked(c30, c31, subgroup, row + 48u, output);
  write_checked(c32, c33, subgroup, row + 48u, output + 32u);
}
