// A subgroup's part of a tile in matrix_tiles.wgsl: 32 rows x 32 outputs, four sums of 16x16, every DEPTHth step of 16
// columns. Written out: sums that a loop indexes may leave the registers.
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

  var c00 = Acc(); var c01 = Acc();
  var c10 = Acc(); var c11 = Acc();
  if (straight) {
    let at0 = row * OUTPUTS + output;
    c00 = begin(at0); c01 = begin(at0 + 16u);
    let at1 = (row + 16u) * OUTPUTS + output;
    c10 = begin(at1); c11 = begin(at1 + 16u);
  }

  var next = fetch(first_row, first_output, 0u, local);
  for (var slice = 0u; slice < SLICES; slice++) {
    workgroupBarrier();
    place(next, local);
    workgroupBarrier();
    if (slice + 1u < SLICES) { next = fetch(first_row, first_output, slice + 1u, local); }
    for (var step = 0u; step < EIGHTHS; step += 2u * DEPTH) {
      let at = step + subgroup % DEPTH * 2u;
      let a0 = load_left(left * STRIDE + at);
      let a1 = load_left((left + 16u) * STRIDE + at);
      let b0 = load_right(right * STRIDE + at);
      c00 = multiply(a0, b0, c00);
      c10 = multiply(a1, b0, c10);
      let b1 = load_right((right + 16u) * STRIDE + at);
      c01 = multiply(a0, b1, c01);
      c11 = multiply(a1, b1, c11);
    }
  }

  if (straight) {
    let at0 = row * OUTPUTS + output;
    store_y(at0, c00); store_y(at0 + 16u, c01);
    let at1 = (row + 16u) * OUTPUTS + output;
    store_y(at1, c10); store_y(at1 + 16u, c11);
    return;
  }
  write_checked(c00, c01, subgroup, row, output);
  write_checked(c10, c11, subgroup, row + 16u, output);
}
