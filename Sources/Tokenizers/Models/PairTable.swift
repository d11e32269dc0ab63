/// A hash map from pairs of numbers to numbers, flat in memory, which only grows.
///
/// A random seed keeps files from being written so that their keys collide.
struct PairTable: Sendable {
  /// What a lookup gives where there is no such pair.
  static let none = UInt32.max

  private struct Slot {
    var key: UInt64
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
    if (count + 1) * 2 > slots.count { grow() }
    let key = UInt64(left) << 32 | UInt64(right)
    let index = slotIndex(of: key)
    if slots[index].value != Self.none { return slots[index].value }
    slots[index] = Slot(key: key, value: value)
    count += 1
    return nil
  }

  /// The value of a pair, or `none`.
  @inline(__always)
  func value(for left: UInt32, _ right: UInt32) -> UInt32 {
    slots[slotIndex(of: UInt64(left) << 32 | UInt64(right))].value
  }

  @inline(__always)
  private func slotIndex(of key: UInt64) -> Int {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: foldedProduct(key ^ seed, 0x9E37_79B9_7F4A_7C15)) & mask
    while slots[index].value != Self.none && slots[index].key != key {
      index = (index + 1) & mask
    }
    return index
  }

  private mutating func grow() {
    let old = slots
    slots = Self.emptySlots(holding: slots.count)
    for slot in old where slot.value != Self.none {
      slots[slotIndex(of: slot.key)] = slot
    }
  }

  private static func emptySlots(holding count: Int) -> [Slot] {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    return [Slot](repeating: Slot(key: 0, value: none), count: capacity)
  }
}

/// The two halves of a product, folded: a fast mixing step for hash tables.
@inline(__always)
func foldedProduct(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let product = a.multipliedFullWidth(by: b)
  return product.high ^ product.low
}
