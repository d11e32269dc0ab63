@_exported import Models
import Tensor

/// The tokens of one text, the beginning for training and the rest for validation.
public struct TokenDataset: Sendable {
  /// What is trained on.
  public let training: TokenText
  /// What is held back.
  public let validation: TokenText

  /// Splits a text.
  ///
  /// - Parameters:
  ///   - ids: the whole text.
  ///   - vocabularySize: every id must be below it.
  ///   - time: the length of the windows that will be drawn.
  ///   - validationShare: the share that is held back, from the end: above 0, below 1.
  /// - Throws: `badValue` for an id outside the vocabulary, with its position; `truncated` where one of the two parts is
  ///   too short for a window and its targets.
  public init(
    _ ids: [Int], vocabularySize: Int, windowsOf time: Int, validationShare: Double = 0.1
  ) throws(InputError) {
    precondition(validationShare > 0 && validationShare < 1, "TokenDataset: a validation share of \(validationShare)")
    let ids = try narrowed(ids, vocabularySize)
    let split = Int(Double(ids.count) * (1 - validationShare))
    training = try TokenText(Array(ids[..<split]), windowsOf: time, called: "for training")
    validation = try TokenText(Array(ids[split...]), windowsOf: time, called: "for validation")
  }
}

/// A long text as token ids, from which windows are drawn. There is no hidden state: what is drawn depends on the random
/// key that is given alone, so a run that resumes needs nothing but its step.
public struct TokenText: Sendable {
  /// The text.
  public let ids: [Int32]
  /// The length of the windows.
  public let time: Int

  init(_ ids: [Int32], windowsOf time: Int, called name: String) throws(InputError) {
    precondition(time > 0, "TokenText: windows of \(time) tokens")
    guard ids.count > time else {
      throw InputError(
        .truncated, "the \(ids.count) tokens \(name) are too few for a window of \(time) and its targets",
        advice: "Use a longer text, or a shorter block.")
    }
    (self.ids, self.time) = (ids, time)
  }

  /// `rows` windows at random places, each with the tokens that follow it.
  ///
  /// - Returns: tokens and, one position later, their targets; both `[rows, time]`.
  public func batch(rows: Int, random: Random) -> (tokens: TokenBatch, targets: TokenBatch) {
    var (tokens, targets) = ([Int32](), [Int32]())
    tokens.reserveCapacity(rows * time)
    targets.reserveCapacity(rows * time)
    for row in 0..<rows {
      let start = random.integer(row, below: ids.count - time)
      tokens += ids[start..<start + time]
      targets += ids[start + 1..<start + time + 1]
    }
    return (TokenBatch(tokens, batch: rows, time: time), TokenBatch(targets, batch: rows, time: time))
  }
}

private func narrowed(_ ids: [Int], _ vocabularySize: Int) throws(InputError) -> [Int32] {
  var result: [Int32] = []
  result.reserveCapacity(ids.count)
  for (position, id) in ids.enumerated() {
    guard id >= 0, id < vocabularySize, let narrow = Int32(exactly: id) else {
      throw InputError(
        .badValue, "the token id \(id) is outside the vocabulary of \(vocabularySize)", at: "token \(position)",
        advice: "Use the tokenizer that belongs to the model.")
    }
    result.append(narrow)
  }
  return result
}

extension LanguageModel {
  /// The mean loss over `batches` random batches of a text, in nats per token, without dropout and without a gradient.
  ///
  /// The batches depend on `random` alone: the same ones serve to compare a model's states.
  public func meanLoss(on stream: TokenText, batches: Int, rows: Int, random: Random) -> Float {
    precondition(batches > 0, "meanLoss: \(batches) batches")
    var sum = 0.0
    for index in 0..<batches {
      let (tokens, targets) = stream.batch(rows: rows, random: random.derived(index))
      sum += Double(loss(tokens, targets: targets).scalar)
    }
    return Float(sum / Double(batches))
  }
}
