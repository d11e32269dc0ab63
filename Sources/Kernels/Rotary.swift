/// Rotary position embedding on halves.
public enum Rotary {
  /// The body of `KernelTable.rotateHalves`.
  @export(implementation) @inline(always) public static func rotateHalves<V: FloatVector>(
    _: V.Type, _ x: Source, _ cosines: Source, _ sines: Source, _ y: Target, _ heads: Int, _ half: Int
  ) {
    var head = 0
    while head < heads {
      let start = head &* half &* 2
      let (x1, x2, y1, y2) = (x + start, x + (start &+ half), y + start, y + (start &+ half))
      @inline(always) func body(_ chunk: Chunk<V>) {
        let (a, b, c, s) = (chunk.load(x1), chunk.load(x2), chunk.load(cosines), chunk.load(sines))
        chunk.store((a * c).adding(-b, times: s), to: y1)
        chunk.store((b * c).adding(a, times: s), to: y2)
      }
      Sweep.each(V.self, half, body)
      head &+= 1
    }
  }
}
