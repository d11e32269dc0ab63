import Formats

/// SentencePiece's own way to cut normalized text into pieces, in its own arithmetic.
///
/// It differs from `UnigramModel` and `BPEModel` (which follow the `tokenizers` library) in what decides between equal
/// scores, in pieces that are kept whole, and in characters that are in no piece but part of one.
struct SentencePieceSegmenter: Sendable {
  let vocabulary: Vocabulary
  /// The piece for unknown text, in the ids of `vocabulary`.
  let unknownID: Int32
  private let ownUnknownID: Int32
  private let cutter: Cutter
  private let byteIDs: [Int32]?
  /// Whether tokens' ids are looked up in another vocabulary than the model's own.
  private let isTranslated: Bool

  private enum Cutter: Sendable {
    case unigram(SentencePieceUnigram)
    case bytePairs(SentencePieceBytePairs)
    case whole(SentencePieceWholes)
  }

  /// - Parameter translation: The vocabulary that gives pieces their ids, and the id for those it lacks; nil where the
  ///   model's own order does.
  init(
    _ model: SentencePieceModel, translation: (vocabulary: Vocabulary, unknownID: Int32)? = nil
  ) throws(InputError) {
    ownUnknownID = Int32(truncatingIfNeeded: try model.check())
    var own = Vocabulary(expectedCount: model.pieces.count)
    for (id, piece) in model.pieces.enumerated() { try own.add(piece.content, id: id) }
    switch model.algorithm {
    case .unigram: cutter = .unigram(SentencePieceUnigram(model, unknownID: ownUnknownID))
    case .bytePairs: cutter = .bytePairs(SentencePieceBytePairs(model, own, unknownID: ownUnknownID))
    case .words, .characters: cutter = .whole(SentencePieceWholes(model, own, unknownID: ownUnknownID))
    }
    byteIDs = model.fallsBackToBytes ? own.byteFallbackIDs : nil
    isTranslated = translation != nil
    (vocabulary, unknownID) = translation ?? (own, ownUnknownID)
  }

  func appendTokens(of text: [UInt8], _ start: Int, _ end: Int, to tokens: inout [PieceToken]) {
    let cuts =
      switch cutter {
      case .unigram(let unigram): unigram.cuts(of: text, start, end)
      case .bytePairs(let pairs): pairs.cuts(of: text, start, end)
      case .whole(let wholes): wholes.cuts(of: text, start, end)
      }
    var followsUnknown = false
    for cut in cuts {
      let isUnknown = cut.id == ownUnknownID
      if isUnknown, let byteIDs {
        for byte in text[Int(cut.start)..<Int(cut.end)] {
          tokens.append(PieceToken(id: byteIDs[Int(byte)], start: cut.start, end: cut.end))
        }
      } else if isUnknown && followsUnknown {
        tokens[tokens.count - 1].end = cut.end
      } else {
        tokens.append(cut)
      }
      followsUnknown = isUnknown
    }
    guard isTranslated else { return }
    for index in tokens.indices {
      let known = vocabulary.id(of: text, Int(tokens[index].start), Int(tokens[index].end))
      tokens[index].id = known >= 0 ? known : unknownID
    }
  }
}

/// The cut whose scores have the greatest sum, with sums in single precision, as sentencepiece 0.2.3 has them.
struct SentencePieceUnigram: Sendable {
  private let trie: ByteTrie
  private let scores: [Float]
  private let unknownID: Int32
  private let unknownScore: Float
  private let keptIDs: Set<Int32>

  init(_ model: SentencePieceModel, unknownID: Int32) {
    var trie = ByteTrie(expectedCount: model.pieces.reduce(0) { $0 + $1.content.count } / 2)
    var (least, kept) = (Float.greatestFiniteMagnitude, Set<Int32>())
    for (id, piece) in model.pieces.enumerated() {
      let id = Int32(truncatingIfNeeded: id)
      switch piece.kind {
      case .normal:
        trie.add(piece.content, id: id)
        least = min(least, piece.score)
      case .userDefined:
        trie.add(piece.content, id: id)
        kept.insert(id)
      case .unknown, .control, .unused, .byte: break
      }
    }
    (self.trie, keptIDs, self.unknownID) = (trie, kept, unknownID)
    scores = model.pieces.map(\.score)
    unknownScore = least - 10
  }

  private struct Arrival {
    var score: Float = 0
    var start: Int32 = -1
    var id: Int32 = -1
  }

  func cuts(of text: [UInt8], _ start: Int, _ end: Int) -> [PieceToken] {
    var arrivals = [Arrival](repeating: Arrival(), count: end - start + 1)
    func offer(_ score: Float, _ id: Int32, from index: Int, to next: Int) {
      let target = next - start
      guard arrivals[target].start < 0 || score > arrivals[target].score else { return }
      arrivals[target] = Arrival(score: score, start: Int32(truncatingIfNeeded: index - start), id: id)
    }
    var index = start
    while index < end {
      let scoreSoFar = arrivals[index - start].score
      let nextScalar = scalar(in: text, at: index, before: end).next
      var (node, next, isScalarKnown) = (ByteTrie.root, index, false)
      while next < end, let child = trie.child(of: node, text[next]) {
        (node, next) = (child, next + 1)
        let id = trie.id(at: node)
        guard id >= 0 else { continue }
        offer(score(of: id, length: next - index) + scoreSoFar, id, from: index, to: next)
        if next == nextScalar { isScalarKnown = true }
      }
      if !isScalarKnown { offer(unknownScore + scoreSoFar, unknownID, from: index, to: nextScalar) }
      index = nextScalar
    }
    var cuts: [PieceToken] = []
    index = end
    while index > start {
      let arrival = arrivals[index - start]
      let from = start + Int(arrival.start)
      cuts.append(
        PieceToken(id: arrival.id, start: Int32(truncatingIfNeeded: from), end: Int32(truncatingIfNeeded: index)))
      index = from
    }
    return cuts.reversed()
  }

  /// Pieces that are kept whole count as little as can be, whatever their score is.
  private func score(of id: Int32, length: Int) -> Float {
    guard !keptIDs.isEmpty && keptIDs.contains(id) else { return scores[Int(id)] }
    return Float(length) * Float.leastNormalMagnitude - 0.1
  }
}
