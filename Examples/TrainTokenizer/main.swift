// Learns a tokenizer from text files, and saves it as a tokenizer.json.
import CommandLineTool
import Formats
import Tokenizers

runProgram {
  let tool = try CommandLineTool(
    "train-tokenizer", "Learns a tokenizer from text files.", operands: ["FILE..."],
    options: [
      .init("algorithm", "NAME", "bpe (bytes, as GPT-2), wordpiece (as BERT) or unigram (as T5); default bpe"),
      .init("size", "N", "how many tokens, special ones included (default 8000)"),
      .init("special", "LIST", "special tokens with commas between, which get the first ids"),
      .init("minimum", "N", "how often two neighbours must occur to be joined (default 2)"),
      .init("output", "PATH", "where the tokenizer.json is written"),
    ])
  guard let output = tool.string("output") else {
    throw InputError(
      .missing, "no place for the tokenizer is given", at: "--output", advice: "See train-tokenizer --help.")
  }
  guard !tool.operands.isEmpty else {
    throw InputError(.missing, "no text is given", at: "train-tokenizer", advice: "See train-tokenizer --help.")
  }
  let name = tool.string("algorithm") ?? "bpe"
  guard let algorithm = TokenizerTrainer.Algorithm(rawValue: name) else {
    let names = TokenizerTrainer.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
    throw InputError(.badValue, "\"\(name)\" is no algorithm", at: "--algorithm", advice: "Use one of \(names).")
  }
  var trainer = try TokenizerTrainer(
    algorithm, vocabularySize: try tool.int("size", in: 1...1 << 20) ?? 8000,
    specialTokens: tool.string("special")?.split(separator: ",").map { String($0) } ?? [],
    minimumCount: try tool.int("minimum", in: 0...Int.max) ?? 2)
  for file in tool.operands { try trainer.add(fileAt: file) }
  try trainer.save(to: output)
  let tokenizer = try PipelineTokenizer(path: output)
  note("\(tokenizer.vocabularySize) tokens in \(output)")
  try tool.printResult([("tokens", .integer(tokenizer.vocabularySize)), ("output", .string(JSONString(output)))])
}
