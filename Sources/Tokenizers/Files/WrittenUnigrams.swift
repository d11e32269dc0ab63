import Formats
import Foundation

extension WrittenTokenizer {
  /// A SentencePiece model of unigrams.
  ///
  /// Sums of scores are of double precision then, and what is equally good may be cut otherwise.
  /// - Throws: `unsupported` for pieces that are not in use, but for the last ones (whose ids have no token then); pieces that
  ///   users have defined and the map of characters changes; spaces that are dropped at the start of a text which gets none
  ///   before it, or not written as marks.
  init(
    unigrams pieces: SentencePieceModel, _ roles: [(role: String, id: Int)], _ beginning: [Int], _ ending: [Int]
  ) throws(InputError) {
    let unknown = try pieces.check()
    let settings = pieces.normalization
    guard settings.escapesSpaces, !settings.writesSpacesAsSuffixes,
      settings.addsDummySpace || !settings.removesExtraSpaces
    else { throw Self.unsupported("treats spaces as a tokenizer.json cannot say") }
    let map = settings.charactersMap.isEmpty ? nil : try CharsMap(settings.charactersMap)
    let used = pieces.pieces.prefix((pieces.pieces.lastIndex { $0.kind != .unused } ?? -1) + 1)
    for piece in used {
      var text = AlignedText(piece.content, 0, piece.content.count, isTracked: false)
      if piece.kind == .userDefined { map?.apply(to: &text) }
      guard piece.kind != .unused, text.bytes == piece.content else {
        throw Self.unsupported("has the piece \(quoted(piece.content)), which a tokenizer.json would treat otherwise")
      }
    }
    guard (beginning + ending).allSatisfy({ $0 < used.count }) else {
      throw Self.unsupported("puts a piece around texts that is not in use")
    }
    let least = used.lazy.filter { $0.kind == .normal }.map(\.score).min() ?? 0
    let entries: [JSONValue] = used.map { piece in
      let score: Float =
        switch piece.kind {
        case .normal: piece.score
        // What SentencePiece takes for them, but for less than can be told apart.
        case .userDefined: -0.1
        // They are no part of a text; the least score of all decides what unknown text counts.
        case .control, .unknown, .unused, .byte: least
        }
      return [.string(JSONString(utf8: piece.content)), .number(Double(score))]
    }
    (self.beginning, self.ending) = (beginning, ending)
    tokens = used.map { ($0.content, $0.kind) }
    self.roles = roles.filter { $0.id < used.count }
    model = [
      "type": "Unigram", "unk_id": .integer(unknown), "vocab": .array(entries),
      "byte_fallback": .bool(pieces.fallsBackToBytes),
    ]
    let dropped = settings.removesExtraSpaces ? 1024 : settings.addsDummySpace ? 1 : 0
    stages = [
      JSONMember("normalizer", ["type": "Sequence", "normalizers": .array(Self.normalizers(settings))]),
      JSONMember("pre_tokenizer", .null), JSONMember("decoder", Self.unescape(dropping: dropped)),
    ]
    definedPieces = .inModel
  }

  private static func normalizers(_ settings: SentencePieceModel.Normalization) -> [JSONValue] {
    var steps: [JSONValue] = []
    if !settings.charactersMap.isEmpty {
      let map = Data(settings.charactersMap).base64EncodedString()
      steps.append(["type": "Precompiled", "precompiled_charsmap": .string(JSONString(map))])
    }
    // The space before the text is one of those that count once.
    if settings.addsDummySpace { steps.append(["type": "Prepend", "prepend": " "]) }
    if settings.removesExtraSpaces {
      steps.append(["type": "Replace", "pattern": ["Regex": " {2,}"], "content": " "])
      steps.append(["type": "Replace", "pattern": ["Regex": " +(?![\\s\\S])"], "content": ""])
    }
    return steps + [escape]
  }
}
