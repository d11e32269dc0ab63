// Continues a prompt with a model from a Hugging Face folder, or from one of our own training.
import CommandLineTool
import Formats
import Foundation
import Generation
import Models
import Tensor
import Tokenizers

runProgram {
  let options = try CommandLineTool(
    "generate", "Continues a prompt with a language model.",
    options: [
      .init("model", "DIR", "folder with config.json, safetensors and, for text, a tokenizer (needed)"),
      .init("prompt", "TEXT", "the text to continue (this or --prompt-ids is needed)"),
      .init("prompt-ids", "1,2,3", "token ids to continue; no tokenizer is needed then"),
      .init("max-tokens", "N", "tokens to generate at most (default: 128)"),
      .init(
        "temperature", "T",
        "0 takes the likeliest token each time, above it samples (default: 0; 1 with top-k or top-p)"),
      .init("top-k", "K", "sample from the K likeliest tokens only"),
      .init("top-p", "P", "sample from the likeliest tokens that make the share P only"),
      .init("seed", "S", "the same seed gives the same text (default: 0)"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "generate", advice: "See generate --help.")
  }

  let sampling = try makeSampling(options)
  let maxTokens = try options.int("max-tokens", in: 1...Int.max) ?? 128

  let model = try PretrainedModel.load(from: folder)
  for setting in try PretrainedModel.settingsNotHonoured(in: folder) {
    let value = String(decoding: try setting.value.encoded().prefix(100), as: UTF8.self)
    note("The model asks for \(setting.name) \(value), which is not implemented: the text may differ for it.")
  }

  // A prompt is text, which takes the model's tokenizer, or token ids.
  let tokenizer: (any Tokenizer)?
  let prompt: [Int]
  switch (options.string("prompt"), options.string("prompt-ids")) {
  case (let text?, nil):
    let own = try loadTokenizer(in: folder)
    (tokenizer, prompt) = (own, try own.encode(text))
  case (nil, let list?):
    (tokenizer, prompt) = (nil, try tokenIDs(list))
  default:
    throw InputError(
      .badValue, "one of --prompt and --prompt-ids is needed", at: "generate", advice: "See generate --help.")
  }

  var tokens = try TokenStream(model, after: prompt, sampling: sampling, maxTokens: maxTokens)

  // Text is shown as it comes, each piece as soon as it is certain.
  var (ids, text) = ([Int](), "")
  var detokenizer = tokenizer?.makeDetokenizer(after: prompt)
  while let id = try tokens.next() {
    ids.append(id)
    let piece = detokenizer?.appendIfKnown(id) ?? "\(id) "
    text += piece
    show(piece)
  }
  let rest = detokenizer?.finish() ?? ""
  text += rest
  show(rest + "\n")

  var result: [(String, JSONValue)] = [
    ("prompt_ids", .array(prompt.map { .integer($0) })), ("ids", .array(ids.map { .integer($0) })),
  ]
  if tokenizer != nil { result.append(("text", .string(JSONString(text)))) }
  result.append(("prefill_tokens_per_second", tokens.timing.prefillTokensPerSecond.map { .number($0) } ?? .null))
  result.append(("decode_tokens_per_second", tokens.timing.decodeTokensPerSecond.map { .number($0) } ?? .null))
  result.append(("peak_bytes", .integer(Memory.processPeakBytes)))
  try options.printResult(result)
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
