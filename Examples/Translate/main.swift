// Translates a text, or does what else the sequence-to-sequence model in a Hugging Face folder was trained for.
import CommandLineTool
import Formats
import Generation
import Tokenizers

runProgram {
  let options = try CommandLineTool(
    "translate",
    "Writes a text over another one, as a sequence-to-sequence model's folder asks to: its translation, say.",
    operands: ["TEXT"],
    options: [
      .init("model", "DIR", "folder with config.json, safetensors and a tokenizer (needed)"),
      .init("max-tokens", "N", "tokens to write at most (default: what the folder says, or 128)"),
      .init("beams", "N", "how many beginnings are kept at a time (default: what the folder says, or 1)"),
    ] + CommandLineTool.runtimeOptions)
  try options.startRuntime()
  guard let folder = options.string("model") else {
    throw InputError(.missing, "--model is needed", at: "translate", advice: "See translate --help.")
  }
  guard let text = options.operands.first else {
    throw InputError(.missing, "a text is needed", at: "translate", advice: "See translate --help.")
  }
  let (beams, maxTokens) = (try options.int("beams", in: 1...1024), try options.int("max-tokens", in: 1...Int.max))

  var writer = try Writer(from: folder)
  guard case .sequenceToSequence = writer.model else {
    throw InputError(
      .unsupported, "the model continues texts, and writes none over another", at: folder,
      advice: "Use generate, or a sequence-to-sequence model such as T5, BART or Marian.")
  }
  if let maxTokens { writer.decoding.maxTokens = maxTokens }
  if let beams { writer.decoding.beams.width = beams }
  writer.decoding.beams.best = 1
  let tokenizers = try loadTokenizers(in: folder)
  let source = try tokenizers.source.encode(text)
  let written = try writer.write(source)[0]
  var detokenizer = tokenizers.target.makeDetokenizer(skippingSpecialTokens: true)
  let translation = detokenizer.text(of: written.ids)

  print(translation)
  try options.printResult([
    ("source_ids", .array(source.map { .integer($0) })), ("ids", .array(written.ids.map { .integer($0) })),
    ("text", .string(JSONString(translation))),
    ("scores", .array(written.score.map { [.number($0)] } ?? [])),
  ])
}
