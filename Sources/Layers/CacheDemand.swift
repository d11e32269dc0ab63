import Tensor

/// The memory that the keys and values of a model's caches take.
package struct CacheDemand: Sendable {
  /// How many layers there are.
  let layerCount: Int
  /// The layers whose queries see the last tokens only, and how many.
  let windows: [Int: Int]
  /// How many numbers a token's keys have in each layer, those of all rows together.
  let width: Int

  package init(layerCount: Int, windows: [Int: Int], width: Int) {
    (self.layerCount, self.windows, self.width) = (layerCount, windows, width)
  }

  /// The bytes of caches with room for `capacity` tokens; nil where no `Int` counts them.
  package func byteCount(capacity: Int) -> Int? {
    let whole = max(0, layerCount - windows.count)
    guard let block = block(capacity) else { return nil }
    var (bytes, isTooMuch) = block.multipliedReportingOverflow(by: 2 * whole)
    for (_, window) in windows {
      guard let block = self.block(room(capacity, window)) else { return nil }
      let (sum, overflow) = bytes.addingReportingOverflow(2 * block)
      (bytes, isTooMuch) = (sum, isTooMuch || overflow)
    }
    return isTooMuch ? nil : bytes
  }

  /// The bytes that caches take while they grow, besides those that they have: one layer's keys or values after the other
  /// move to their new place. Nil where no `Int` counts them.
  package func byteCount(growingFrom old: Int, to capacity: Int) -> Int? {
    guard let after = byteCount(capacity: capacity), let before = byteCount(capacity: old) else { return nil }
    let rooms = windows.values.map { (room(old, $0), room(capacity, $0)) }
    let growing = rooms.filter { $0 < $1 }.map(\.0) + (windows.count < layerCount ? [old] : [])
    return after - before + (growing.compactMap(block).max() ?? 0)
  }

  private func room(_ capacity: Int, _ window: Int) -> Int {
    KeyValueCache.room(window: window).map { min($0, capacity) } ?? capacity
  }

  /// The bytes of one layer's keys for so many tokens.
  private func block(_ capacity: Int) -> Int? {
    let (elements, overflow) = max(capacity, 1).multipliedReportingOverflow(by: width)
    return overflow || elements >= 1 << 56 ? nil : Memory.blockSize(holding: 4 * elements)
  }
}
