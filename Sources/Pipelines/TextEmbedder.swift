import Formats
@_exported import Models
import Tensor
@_exported import Tokenizers

/// Turns texts into vectors that lie close together where the texts mean the same.
///
///     let embedder = try TextEmbedder(from: "all-MiniLM-L6-v2")
///     let vectors = try embedder.encode(["A cat sits.", "Ein Hund liegt."])  // [texts, width]
///     let similarity = embedder.similarity(vectors, vectors)
///
/// The folder says what is done, as sentence-transformers reads it: how tokens' vectors become one (`modules.json`,
/// `1_Pooling/config.json`; their mean where there is neither), what follows (Normalize, Dense), how long texts are cut
/// (`sentence_bert_config.json`), what is put before them and how vectors are compared
/// (`config_sentence_transformers.json`).
public struct TextEmbedder: Sendable {
  /// The width of the vectors.
  public let width: Int
  /// The most tokens of a text, special ones included; what is longer is cut.
  public let maxTokens: Int
  private let encoder: TokenEncoder
  private let tokenizer: PipelineTokenizer
  private let modules: SentenceModules

  /// Loads the model, the tokenizer and the modules of a folder.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public init(from folder: String, as format: StorageFormat? = nil) throws(InputError) {
    modules = try SentenceModules(folder)
    let folder = modules.modelFolder
    encoder = try TokenEncoder(from: folder, as: format)
    width = try modules.outputWidth(encoder.width)
    var tokenizer = try PipelineTokenizer(directory: folder)
    if modules.maxTokens == nil, let error = tokenizer.modelMaxLengthError { throw error.inside(folder) }
    maxTokens = min(modules.maxTokens ?? tokenizer.modelMaxLength ?? .max, encoder.contextLength)
    tokenizer.truncation = Truncation(maxLength: maxTokens)
    tokenizer.padding = nil
    self.tokenizer = tokenizer
  }

  /// The vectors of texts: `[texts, width]`. Texts of like length are computed together; a text's vector is the same
  /// whatever stands beside it.
  ///
  /// - Parameters:
  ///   - normalizing: Whether vectors are divided by their length, if the folder does not say so already.
  ///   - batchSize: How many texts are computed together at most.
  /// - Throws: `badValue` for a text with a character that no token stands for, or a token that the model does not know;
  ///   `nonFinite` where the model computes what is no number.
  public func encode(
    _ texts: [String], normalizing: Bool = false, batchSize: Int = 32
  ) throws(InputError) -> Tensor {
    precondition(batchSize > 0, "TextEmbedder.encode: batches of \(batchSize) texts")
    var tokens: [[Int]] = []
    for (index, text) in texts.enumerated() {
      do throws(InputError) {
        let text = modules.prompt + text
        let ids = try tokenizer.encoding(of: modules.lowercases ? text.lowercased() : text).ids
        if let id = ids.first(where: { $0 < 0 || $0 >= encoder.vocabularySize }) {
          throw InputError(
            .badValue, "the token id \(id) is outside the model's vocabulary of \(encoder.vocabularySize)",
            advice: "Check that the tokenizer belongs to the model.")
        }
        tokens.append(ids)
      } catch { throw error.inside("text \(index)") }
    }
    var vectors = [Float](repeating: 0, count: texts.count * width)
    let order = tokens.indices.sorted { (tokens[$0].count, $0) < (tokens[$1].count, $1) }
    for start in stride(from: 0, to: order.count, by: batchSize) {
      // Texts without any token have nothing to pool.
      let batch = order[start..<min(start + batchSize, order.count)].filter { !tokens[$0].isEmpty }
      if batch.isEmpty { continue }
      let states = encoder.states(of: batch.map { tokens[$0] }), time = states.shape[1], all = states.scalars
      for (row, text) in batch.enumerated() {
        let first = row * time * encoder.width
        let vector = modules.embedding(
          all[first..<first + tokens[text].count * encoder.width], width: encoder.width)
        vectors.replaceSubrange(text * width..<(text + 1) * width, with: vector.scalars)
      }
    }
    let result = try Tensor(vectors, shape: Shape(texts.count, width)).checkedToBeFinite(from: modules.modelFolder)
    return normalizing ? normalized(result) : result
  }

  /// How alike vectors are, as the folder says (by the cosine of their angle unless it says otherwise): `[rows of a, rows
  /// of b]`.
  public func similarity(_ a: Tensor, _ b: Tensor) -> Tensor { modules.similarity(a, b) }
}
