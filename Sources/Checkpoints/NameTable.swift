import Formats

/// The positions of distinct names in a list that is kept elsewhere; it takes 8 to 16 bytes for each.
struct NameTable: Sendable {
  private var slots: [Int32]
  private let seed = UInt64.random(in: .min ... .max)

  /// - Parameter name: The name at a position.
  init(count: Int, _ name: (Int) -> JSONString) {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    for position in 0..<count { slots[slot(of: name(position), name)] = Int32(truncatingIfNeeded: position) }
  }

  /// The position of a name; nil where it is not in the list. Of equal names it is the last.
  func position(of wanted: JSONString, _ name: (Int) -> JSONString) -> Int? {
    let position = slots[slot(of: wanted, name)]
    return position < 0 ? nil : Int(position)
  }

  private func slot(of wanted: JSONString, _ name: (Int) -> JSONString) -> Int {
    let hash = seededHash(of: wanted.utf8, 0, wanted.utf8.count, seed: seed)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0, name(Int(slots[slot])) != wanted { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }
}
