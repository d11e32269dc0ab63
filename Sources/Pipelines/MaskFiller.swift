import Attention
import Formats
import Layers
@_exported import Models
import Tensor
@_exported import Tokenizers

/// Says which tokens a masked-language model expects in the place of masks.
///
///     let filler = try MaskFiller(from: "bert-base-uncased")
///     let candidates = try filler.fill("Paris is the [MASK] of France.")[0]
public struct MaskFiller: Sendable {
  /// A token for a mask.
  public struct Candidate: Sendable, Equatable {
    /// The token's id.
    public let id: Int
    /// The token's text.
    public let text: String
    /// How likely the model thinks it.
    public let probability: Float
  }

  /// What stands for a hidden token in a text: `[MASK]`, `<mask>`.
  public let mask: String
  private let maskID: Int
  private let model: BERT.With<BERT.MaskedLanguageHead>
  private let tokenizer: PipelineTokenizer
  private let folder: String

  /// Loads the model and the tokenizer of a folder.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public init(from folder: String, as format: StorageFormat? = nil) throws(InputError) {
    model = try BERT.With<BERT.MaskedLanguageHead>.load(from: folder, as: format).packedForInference()
    var tokenizer = try PipelineTokenizer(directory: folder)
    (tokenizer.truncation, tokenizer.padding) = (nil, nil)
    self.tokenizer = tokenizer
    let names = [tokenizer.specialToken("mask_token"), "[MASK]", "<mask>"].compactMap { $0 }
    let known = names.lazy.compactMap { name in tokenizer.id(of: name).map { (name, $0) } }
    guard let (mask, id) = known.first else {
      throw InputError(
        .missing, "the tokenizer has no token for what is hidden", at: folder,
        advice: "Name it as mask_token in tokenizer_config.json.")
    }
    (self.mask, maskID, self.folder) = (mask, id, folder)
  }

  /// For each mask of a text in turn, the likeliest tokens, likeliest first.
  ///
  /// - Throws: `badValue` for a text without a mask, or one that the model does not know a token of; `tooLarge` for one
  ///   that is too long; `nonFinite` where the model computes what is no number.
  public func fill(_ text: String, count: Int = 5) throws(InputError) -> [[Candidate]] {
    precondition(count > 0, "MaskFiller.fill: \(count) candidates")
    let ids = try tokenizer.encoding(of: text).ids
    try model.encoder.check(ids)
    let masks = ids.indices.filter { ids[$0] == maskID }
    guard !masks.isEmpty else {
      throw InputError(.badValue, "hides nothing", at: "text", advice: "Write \(mask) for what is to be found.")
    }
    var pass = Pass()
    let states = model.encoder(TokenBatch(ids), &pass)
    // Only the masks' scores are wanted: a vocabulary is large.
    var hidden = states
    let width = states.hidden.shape[2]
    hidden.hidden = states.hidden.reshaped(ids.count, width).rows(at: masks.map { Int32($0) })
      .reshaped(1, masks.count, width)
    let scores = try model.head(hidden, &pass).checkedToBeFinite(from: folder).softmax()
    let probabilities = scores.scalars, vocabulary = scores.shape[2]
    var result: [[Candidate]] = []
    for row in masks.indices {
      let own = probabilities[row * vocabulary..<(row + 1) * vocabulary]
      var candidates: [Candidate] = []
      for place in largest(own, count: count) {
        let id = place - own.startIndex
        candidates.append(Candidate(id: id, text: word(id), probability: own[place]))
      }
      result.append(candidates)
    }
    return result
  }

  /// A token as it reads in a text, or else as the vocabulary writes it.
  private func word(_ id: Int) -> String {
    let token = tokenizer.token(of: id) ?? "\(id)"
    guard let text = try? tokenizer.decode([id]).trimmingSpaces, !text.isEmpty else { return token }
    return text
  }
}

/// The indices of the `count` largest numbers, the largest first; of equal ones the earlier first.
func largest(_ values: ArraySlice<Float>, count: Int) -> [Int] {
  var best: [Int] = []
  for index in values.indices {
    if best.count == count, let last = best.last, !(values[index] > values[last]) { continue }
    let place = best.firstIndex { values[index] > values[$0] } ?? best.endIndex
    best.insert(index, at: place)
    if best.count > count { best.removeLast() }
  }
  return best
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
