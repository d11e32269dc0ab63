import Formats

/// The free text that a safetensors file carries, as pairs in its order; flat in memory, for there may be many.
public struct SafetensorsMetadata: Sendable, RandomAccessCollection {
  private var text: [UInt8] = []
  /// Where each key and each value ends, in turn.
  private var ends: [UInt32] = []

  init() {}

  /// Appends a key, or the value of the last one. A header is far below 4 GiB.
  mutating func append(_ part: [UInt8]) {
    text.append(contentsOf: part)
    ends.append(UInt32(truncatingIfNeeded: text.count))
  }

  /// 0
  public var startIndex: Int { 0 }

  /// How many pairs there are.
  public var endIndex: Int { ends.count / 2 }

  /// The pair at a position.
  public subscript(_ position: Int) -> (key: JSONString, value: JSONString) {
    (part(2 * position), part(2 * position + 1))
  }

  private func part(_ index: Int) -> JSONString {
    JSONString(utf8: Array(text[Int(index == 0 ? 0 : ends[index - 1])..<Int(ends[index])]))
  }
}
