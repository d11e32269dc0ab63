import Formats

/// How short texts are filled up.
public struct Padding: Sendable, Equatable {
  /// The length that texts are filled up to.
  public enum Length: Sendable, Equatable {
    /// That of the longest of the texts that are encoded together.
    case longest
    case fixed(Int)
  }

  /// The end that is filled up.
  public enum Direction: String, Sendable {
    case left = "Left"
    case right = "Right"
  }

  /// The length that texts are filled up to.
  public var length: Length
  /// The end that is filled up.
  public var direction: Direction
  /// The length is rounded up to a multiple of this one, if it is more than 0.
  public var multiple: Int
  /// The id of the token that fills up.
  public var id: Int
  /// The type of the token that fills up.
  public var typeID: Int
  /// The token that fills up.
  public var token: String

  /// Padding by a token.
  public init(
    to length: Length = .longest, direction: Direction = .right, multiple: Int = 0, id: Int = 0, typeID: Int = 0,
    token: String = "[PAD]"
  ) {
    (self.length, self.direction, self.multiple) = (length, direction, multiple)
    (self.id, self.typeID, self.token) = (id, typeID, token)
  }

  /// The greatest length that a file may ask for.
  static let lengthLimit = 1 << 24

  func apply(to encodings: inout [Encoding]) {
    var target =
      switch length {
      case .longest: encodings.map(\.count).max() ?? 0
      case .fixed(let length): length
      }
    if multiple > 0, target % multiple > 0 { target += multiple - target % multiple }
    for index in encodings.indices { pad(&encodings[index], to: target) }
  }

  private func pad(_ encoding: inout Encoding, to target: Int) {
    for index in encoding.overflow.indices { pad(&encoding.overflow[index], to: target) }
    let count = target - encoding.count
    guard count > 0 else { return }
    fill(&encoding.ids, id, count)
    fill(&encoding.tokens, token, count)
    fill(&encoding.offsets, 0..<0, count)
    fill(&encoding.typeIDs, typeID, count)
    fill(&encoding.specialTokensMask, 1, count)
    fill(&encoding.attentionMask, 0, count)
  }

  private func fill<Element>(_ array: inout [Element], _ element: Element, _ count: Int) {
    array.insert(contentsOf: repeatElement(element, count: count), at: direction == .left ? 0 : array.count)
  }
}

extension Padding {
  /// Reads a `padding` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token"])
    let strategy = try field.required("strategy")
    let length: Length
    if strategy.kind == .string {
      guard try strategy.string() == "BatchLongest" else { throw strategy.error(.badValue, "is unknown") }
      length = .longest
    } else {
      try strategy.allowOnly(["Fixed"])
      length = .fixed(try strategy.required("Fixed").int(in: 0...Self.lengthLimit))
    }
    self.init(
      to: length, direction: try field.required("direction").named(Direction.self),
      multiple: try field.optional("pad_to_multiple_of")?.int(in: 0...Self.lengthLimit) ?? 0,
      id: try field.required("pad_id").int(in: 0...Int(UInt32.max)),
      typeID: try field.required("pad_type_id").int(in: 0...Int(UInt32.max)),
      token: try field.required("pad_token").string())
  }
}
