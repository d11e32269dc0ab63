import Formats

/// A hash map from pairs of numbers to numbers, flat in memory, which only grows.
///
/// A random seed keeps files from being written so that their keys collide.
struct PairTable: Sendable {
  /// What a lookup gives where there is no such pair.
  static let none = UInt32.max

  private struct Slot {
    var left: UInt32
    var right: UInt32
    var value: UInt32
  }

  private var slots: [Slot]
  private var count = 0
  private let seed = UInt64.random(in: .min ... .max)

  init(minimumCapacity: Int = 0) {
    slots = Self.emptySlots(holding: minimumCapacity)
  }

  /// Sets the value of a pair, unless it has one: that one is returned then.
  mutating func insert(_ value: UInt32, for left: UInt32, _ right: UInt32) -> UInt32? {
    if (count + 1) * 4 > slots.count * 3 { grow() }
    let index = slotIndex(of: left, right)
    if slots[index].value != Self.none { return slots[index].value }
    slots[index] = Slot(left: left, right: right, value: value)
    count += 1
    return nil
  }

  /// The value of a pair, or `none`.
  @inline(__always)
  func value(for left: UInt32, _ right: UInt32) -> UInt32 {
    slots[slotIndex(of: left, right)].value
  }

  @inline(__always)
  private func slotIndex(of left: UInt32, _ right: UInt32) -> Int {
    let (mask, key) = (slots.count - 1, UInt64(left) << 32 | UInt64(right))
    var index = Int(truncatingIfNeeded: foldedProduct(key ^ seed, 0x9E37_79B9_7F4A_7C15)) & mask
    while slots[index].value != Self.none && (slots[index].left != left || slots[index].right != right) {
      index = (index + 1) & mask
    }
    return index
  }

  private mutating func grow() {
    let old = slots
    slots = Self.emptySlots(holding: slots.count)
    for slot in old where slot.value != Self.none {
      slots[slotIndex(of: slot.left, slot.right)] = slot
    }
  }

  private static func emptySlots(holding count: Int) -> [Slot] {
    var capacity = 16
    while capacity * 3 < count * 4 { capacity *= 2 }
    return [Slot](repeating: Slot(left: 0, right: 0, value: none), count: capacity)
  }
}
