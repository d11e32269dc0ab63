// Continues a prompt with a decoder from a Hugging Face folder, or from one of our own training; a sequence-to-sequence
// model reads the prompt and writes another text over it.
import CommandLineTool
import Formats
import Foundation
import Generation
import Models
import Tensor
import Tokenizers

runProgram {
  let options = try CommandLineTool(
    "generate", "Continues a prompt with a language model, or writes a text over it with a sequence-to-sequence model.",
    operands: ["TEXT..."],
    options: [
      .init(
        "model", "DIR",
        "folder with config.json, safetensors and, for text, a tokenizer; or a GGUF or llama2.c file (needed)"),
      .init(
        "prompt", "TEXT",
        "the text to continue, or to read (this, --prompt-ids or texts as arguments are needed; of several texts each is "
          + "continued as alone, side by side)"),
      .init("prompt-ids", "1,2,3", "token ids to continue, or to read; no tokenizer is needed then"),
      .init("max-tokens", "N", "tokens to generate at most (default: what the folder says, or 128)"),
      .init("min-tokens", "N", "tokens to generate at least"),
      .init(
        "temperature", "T",
        "0 takes the likeliest token each time, above it samples (default: 0; 1 with top-k or top-p)"),
      .init("top-k", "K", "sample from the K likeliest tokens only"),
      .init("top-p", "P", "sample from the likeliest tokens that make the share P only"),
      .init("seed", "S", "the same seed gives the same text (default: 0)"),
      .init("beams", "N", "search for the likeliest text with N beginnings at a time; 1 searches not"),
      .init("length-penalty", "X", "in a search, above 0 favors longer texts, below 0 shorter ones"),
      .init("early-stopping", nil, "end a search when as many texts have ended as there are beams"),
      .init("best", "N", "show the N best texts of a search (default: 1)"),
      .init("repetition-penalty", "X", "above 1, tokens that are there already become less likely"),
      .init("no-repeat-ngram", "N", "no row of N tokens comes twice"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "generate", advice: "See generate --help.")
  }
  let sampling = try makeSampling(options)
  let changes = try DecodingChanges(options, isGreedy: sampling.temperature == 0)

  var loaded = try Writer(from: folder)
  for setting in try PretrainedModel.settingsNotHonoured(in: folder) {
    let value = String(decoding: try setting.value.encoded().prefix(100), as: UTF8.self)
    note("The model asks for \(setting.name) \(value), which is not implemented: the text may differ for it.")
  }
  loaded.decoding.sampling = sampling
  try changes.apply(to: &loaded.decoding)
  let writer = loaded

  // A prompt is text, which takes the model's tokenizer, or token ids.
  let tokenizer: (any Tokenizer)?
  let prompts: [[Int]]
  switch (options.string("prompt"), options.string("prompt-ids"), options.operands) {
  case (let text?, nil, []): (tokenizer, prompts) = try encoded([text], folder)
  case (nil, nil, let texts) where !texts.isEmpty: (tokenizer, prompts) = try encoded(texts, folder)
  case (nil, let list?, []): (tokenizer, prompts) = (nil, [try tokenIDs(list)])
  case (nil, nil, _):
    throw InputError(
      .missing, "one of --prompt, --prompt-ids and texts is needed", at: "generate", advice: "See generate --help.")
  case (let text, let list, let texts):
    let given = [
      text.map { _ in "--prompt" }, list.map { _ in "--prompt-ids" }, texts.first.map { "the text \"\($0)\"" },
    ]
    throw InputError(
      .badValue, given.compactMap { $0 }.joined(separator: " and ") + " are given: only one can be continued",
      at: "generate", advice: "Give several texts as arguments, without --prompt and --prompt-ids.")
  }
  if prompts.count > 1 {
    try writeEach(prompts, writer, tokenizer, options)
    return
  }
  let prompt = prompts[0]

  let (model, beginning) = try writer.begin(prompt)
  let decoding = writer.decoding
  let maxTokens = try writer.maxTokens(after: beginning)
  let makeDetokenizer = { detokenizer(after: prompt, writer, tokenizer) }

  var result: [(String, JSONValue)] = [("prompt_ids", .ids(prompt))]
  let (timing, written): (Timing, Int)
  if decoding.beams.width > 1 {
    let found = try model.beamSearch(after: beginning, decoding.beams, rules: decoding.rules, maxTokens: maxTokens)
    (timing, written) = (found.timing, found.hypotheses.map(\.ids.count).max() ?? 0)
    let texts = found.hypotheses.map { text(of: $0.ids, makeDetokenizer()) }
    for (text, hypothesis) in zip(texts, found.hypotheses) {
      show((texts.count > 1 ? "\(hypothesis.score): " : "") + text + "\n")
    }
    result += members(
      of: found.hypotheses.map { ($0.ids, $0.score) }, texts, hasText: tokenizer != nil,
      showsAll: decoding.beams.best > 1)
  } else {
    var tokens = try TokenStream(
      model, after: beginning, sampling: sampling, rules: decoding.rules, maxTokens: maxTokens)
    // Text is shown as it comes, each piece as soon as it is certain.
    var (ids, text) = ([Int](), "")
    var detokenizer = makeDetokenizer()
    while let id = try tokens.next() {
      ids.append(id)
      let piece = detokenizer?.appendIfKnown(id) ?? "\(id) "
      text += piece
      show(piece)
    }
    let rest = detokenizer?.finish() ?? ""
    text += rest
    show(rest + "\n")
    (timing, written) = (tokens.timing, ids.count)
    result.append(("ids", .ids(ids)))
    if tokenizer != nil { result.append(("text", .string(JSONString(text)))) }
  }
  noteLength(beginning.count + written, model)
  try options.printResult(result + members(of: timing))
}

/// Says so where a text is longer than its model was made for.
func noteLength(_ count: Int, _ model: any LanguageModel) {
  if count > model.trainedContextLength {
    note(
      "The text has \(count) tokens, but the model was made for \(model.trainedContextLength): beyond them it may get "
        + "worse.")
  }
}

/// The tokens of texts, by the model's own tokenizer, and the tokenizer of what is written.
func encoded(
  _ texts: [String], _ folder: String
) throws(InputError) -> (tokenizer: any Tokenizer, prompts: [[Int]]) {
  let own = try loadTokenizers(in: folder)
  var encoded: [[Int]] = []
  for text in texts { encoded.append(try own.source.encode(text)) }
  return (own.target, encoded)
}

/// Shows what is written for each of several prompts: a line for each text, behind the number of its prompt.
func writeEach(
  _ prompts: [[Int]], _ writer: Writer, _ tokenizer: (any Tokenizer)?, _ options: CommandLineTool
) throws(InputError) {
  let written = try writer.write(each: prompts)
  var results: [JSONValue] = []
  for (index, (prompt, found)) in zip(prompts, written.texts).enumerated() {
    let texts = found.map { text(of: $0.ids, detokenizer(after: prompt, writer, tokenizer)) }
    for (text, one) in zip(texts, found) {
      show("\(index + 1): " + (texts.count > 1 ? one.score.map { "\($0): " } ?? "" : "") + text + "\n")
    }
    let members = members(
      of: found.map { ($0.ids, $0.score) }, texts, hasText: tokenizer != nil,
      showsAll: writer.decoding.beams.best > 1)
    results.append(
      .object(
        [JSONMember("prompt_ids", .ids(prompt))] + members.map { JSONMember(JSONString($0.0), $0.1) }))
  }
  if case .decoder(let model) = writer.model {
    let lengths = zip(prompts, written.texts).map { prompt, found in prompt.count + (found.map(\.ids.count).max() ?? 0)
    }
    noteLength(lengths.max() ?? 0, model)
  }
  try options.printResult([("results", .array(results))] + members(of: written.timing))
}

/// A text over another one begins anew, without the tokens that only mark its ends.
func detokenizer(after prompt: [Int], _ writer: Writer, _ tokenizer: (any Tokenizer)?) -> Detokenizer? {
  switch writer.model {
  case .decoder: tokenizer?.makeDetokenizer(after: prompt)
  case .sequenceToSequence: tokenizer?.makeDetokenizer(skippingSpecialTokens: true)
  }
}

/// What the JSON says of the texts for one prompt, the best first: scores where they were searched for.
func members(
  of found: [(ids: [Int], score: Double?)], _ texts: [String], hasText: Bool, showsAll: Bool
) -> [(String, JSONValue)] {
  var result: [(String, JSONValue)] = [("ids", .ids(found.first?.ids ?? []))]
  if hasText { result.append(("text", .string(JSONString(texts.first ?? "")))) }
  let scores = found.compactMap(\.score)
  if !scores.isEmpty { result.append(("scores", .array(scores.map { .number($0) }))) }
  if showsAll {
    result.append(("sequences", .array(found.map { .ids($0.ids) })))
    if hasText { result.append(("texts", .array(texts.map { .string(JSONString($0)) }))) }
  }
  return result
}

/// What the JSON says of how long it took.
func members(of timing: Timing) -> [(String, JSONValue)] {
  [
    ("prefill_tokens_per_second", timing.prefillTokensPerSecond.map { .number($0) } ?? .null),
    ("decode_tokens_per_second", timing.decodeTokensPerSecond.map { .number($0) } ?? .null),
    ("peak_bytes", .integer(Memory.processPeakBytes)),
  ]
}

/// The text of some ids, or the ids themselves where there is no tokenizer.
func text(of ids: [Int], _ detokenizer: Detokenizer?) -> String {
  guard var detokenizer else { return ids.map { "\($0)" }.joined(separator: " ") }
  return detokenizer.text(of: ids)
}

extension JSONValue {
  static func ids(_ ids: [Int]) -> JSONValue { .array(ids.map { .integer($0) }) }
}

/// What the options change of what a model's folder asks for.
struct DecodingChanges {
  private let maxTokens: Int?
  private let minTokens: Int?
  private let beams: Int?
  private let lengthPenalty: Double?
  private let stopsEarly: Bool
  private let best: Int?
  private let repetitionPenalty: Double?
  private let unrepeatedLength: Int?
  private let isGreedy: Bool

  init(_ options: CommandLineTool, isGreedy: Bool) throws(InputError) {
    maxTokens = try options.int("max-tokens", in: 1...Int.max)
    minTokens = try options.int("min-tokens", in: 0...1 << 40)
    beams = try options.int("beams", in: 1...1024)
    lengthPenalty = try options.double("length-penalty", in: -100...100)
    stopsEarly = options.has("early-stopping")
    best = try options.int("best", in: 1...1024)
    repetitionPenalty = try options.double("repetition-penalty", in: 1e-6...1e6)
    unrepeatedLength = try options.int("no-repeat-ngram", in: 0...1 << 20)
    self.isGreedy = isGreedy
    if let beams, beams > 1, !isGreedy {
      throw InputError(
        .badValue, "a search takes the likeliest tokens and draws none", at: "--beams",
        advice: "Leave out --beams or what makes it sample.")
    }
    if let beams { try check(width: beams, best: best ?? 1) }
  }

  func apply(to decoding: inout Decoding) throws(InputError) {
    if let maxTokens { decoding.maxTokens = maxTokens }
    if let minTokens { (decoding.rules.minNewTokens, decoding.rules.minLength) = (minTokens, 0) }
    if let repetitionPenalty { decoding.rules.repetitionPenalty = repetitionPenalty }
    if let unrepeatedLength { decoding.rules.unrepeatedLength = unrepeatedLength }
    if let beams { (decoding.beams.width, decoding.beams.best) = (beams, min(beams, decoding.beams.best)) }
    if !isGreedy { decoding.beams = BeamSearch() }
    if let lengthPenalty { decoding.beams.lengthPenalty = lengthPenalty }
    if stopsEarly { decoding.beams.stopping = .whenFull }
    if let best { decoding.beams.best = best }
    try check(width: decoding.beams.width, best: decoding.beams.best)
  }

  private func check(width: Int, best: Int) throws(InputError) {
    if width == 1, let name = unused {
      throw InputError(
        .badValue, "without a search this would change nothing", at: "--\(name)",
        advice: "Give --beams above 1, or leave it out.")
    }
    guard best <= width else {
      throw InputError(
        .badValue, "\(width) beams have no \(best) best texts", at: "--best", advice: "Give --beams \(best) or more.")
    }
  }

  private var unused: String? {
    if lengthPenalty != nil { return "length-penalty" }
    if stopsEarly { return "early-stopping" }
    return best.map { $0 > 1 } == true ? "best" : nil
  }
}

/// How tokens are chosen. Without a temperature, top-k and top-p, the likeliest ones are taken.
func makeSampling(_ options: CommandLineTool) throws(InputError) -> Sampling {
  let samples = options.has("top-k") || options.has("top-p")
  let sampling = try Sampling(
    temperature: options.double("temperature", in: 0...Double.greatestFiniteMagnitude) ?? (samples ? 1 : 0),
    topK: options.int("top-k", in: 1...Int.max),
    topP: options.double("top-p", in: 0...1),
    seed: UInt64(options.int("seed", in: 0...Int.max) ?? 0))
  if sampling.temperature == 0, let name = ["top-k", "top-p", "seed"].first(where: options.has) {
    throw InputError(
      .badValue, "nothing is drawn at temperature 0, so this would change nothing", at: "--\(name)",
      advice: "Give a --temperature above 0, or leave it out.")
  }
  return sampling
}

/// The token ids in `list`, which commas separate.
func tokenIDs(_ list: String) throws(InputError) -> [Int] {
  var ids: [Int] = []
  for part in list.split(separator: ",", omittingEmptySubsequences: false) {
    guard let id = Int(part.trimmingCharacters(in: .whitespaces)) else {
      throw InputError(.badValue, "\"\(part)\" is no token id", at: "--prompt-ids", advice: "Write them as 1,80,147.")
    }
    ids.append(id)
  }
  return ids
}
