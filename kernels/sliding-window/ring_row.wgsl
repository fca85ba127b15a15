// The row of a position in the ring of a window, `rows` of each head: the FIRST of the context keep the rows that they come
// to, all others take turns in what is left.
fn ring_row(position: u32, rows: u32) -> u32 {
  if (position < FIRST) { return position; }
  return FIRST + (position - FIRST) % (rows - FIRST);
}
