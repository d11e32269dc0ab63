// Shows the tokens of texts, by any tokenizer.json or the older files of a Hugging Face folder.
import CommandLineTool
import Formats
import Foundation
import Tokenizers

runProgram {
  let tool = try CommandLineTool(
    "tokenize", "Shows the tokens of texts, and the text that they stand for.", operands: ["TEXT..."],
    options: [
      .init("tokenizer", "PATH", "a tokenizer.json, GGUF or SentencePiece .model file, or a folder with a tokenizer"),
      .init("pair", "TEXT", "a second text for each of the texts"),
      .init("pad", nil, "fill texts up as the tokenizer's file says (otherwise they are not)"),
      .init("truncate", nil, "cut texts as the tokenizer's file says (otherwise they are not)"),
      .init("chat", nil, "each text is a JSON array of messages, which the chat template writes out"),
      .init("json", nil, "print one JSON object per text instead of a table"),
      .init("jsonl", nil, "read {\"text\": ..., \"pair\": ...} from each line of standard input, print JSON for each"),
    ])
  let tokenizer = try tokenizer(tool)
  guard !tool.has("jsonl") else {
    guard tool.operands.isEmpty, !tool.has("pair"), !tool.has("json"), !tool.has("chat") else {
      throw InputError(
        .badValue, "--jsonl takes its texts from standard input alone, and prints JSON anyway", at: "tokenize",
        advice: "Leave out --json, --pair, --chat and texts.")
    }
    try forEachLine { (line) throws(InputError) in
      let request = JSONField(try JSONValue(parsing: line))
      let pair = try request.optional("pair")?.string()
      let encoding = try tokenizer.encoding(of: try request.required("text").string(), pair: pair)
      show(try json(encoding, tokenizer) + "\n")
    }
    return
  }
  guard !tool.operands.isEmpty else {
    throw InputError(.missing, "no text is given", at: "tokenize", advice: "See tokenize --help.")
  }
  var texts = tool.operands.map { (text: $0, pair: tool.string("pair")) }
  if tool.has("chat") {
    guard !tool.has("pair") else {
      throw InputError(.badValue, "--chat and --pair do not go together", at: "tokenize", advice: "Leave out one.")
    }
    for index in texts.indices {
      let messages = try JSONValue(parsing: Array(texts[index].text.utf8), repeatedKeys: .lastCounts)
      texts[index].text = try tokenizer.applyChatTemplate(messages: messages, addingGenerationPrompt: true)
    }
  }
  // The template has written the special tokens.
  for encoding in try tokenizer.encodings(of: texts, addingSpecialTokens: !tool.has("chat")) {
    show(tool.has("json") ? try json(encoding, tokenizer) + "\n" : try table(encoding, tokenizer))
  }
}

/// The tokenizer that the options ask for.
func tokenizer(_ tool: CommandLineTool) throws(InputError) -> PipelineTokenizer {
  guard let path = tool.string("tokenizer") else {
    throw InputError(.missing, "no tokenizer is given", at: "--tokenizer", advice: "See tokenize --help.")
  }
  try AtomicDirectory.recoverIfAbsent(path)
  var tokenizer =
    try fileKind(path) == .folder ? PipelineTokenizer(directory: path) : PipelineTokenizer(file: path)
  if !tool.has("pad") {
    tokenizer.padding = nil
  } else if tokenizer.padding == nil {
    throw InputError(.missing, "the tokenizer's file says nothing about padding", at: "--pad")
  }
  if !tool.has("truncate") {
    tokenizer.truncation = nil
  } else if tokenizer.truncation == nil {
    throw InputError(.missing, "the tokenizer's file says nothing about truncation", at: "--truncate")
  }
  return tokenizer
}

/// An encoding and its text, special tokens skipped, as one line of JSON.
func json(_ encoding: Encoding, _ tokenizer: PipelineTokenizer) throws(InputError) -> String {
  func integers(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }
  let object: JSONValue = .object([
    JSONMember("ids", integers(encoding.ids)),
    JSONMember("tokens", .array(encoding.tokens.map { .string(JSONString($0)) })),
    JSONMember("offsets", .array(encoding.offsets.map { integers([$0.lowerBound, $0.upperBound]) })),
    JSONMember("type_ids", integers(encoding.typeIDs)),
    JSONMember("special_tokens_mask", integers(encoding.specialTokensMask)),
    JSONMember("decoded", .string(JSONString(try tokenizer.decode(encoding.ids, skippingSpecialTokens: true)))),
  ])
  return String(decoding: try object.encoded(), as: UTF8.self)
}

/// An encoding as a table with a line for each token, and its text.
func table(_ encoding: Encoding, _ tokenizer: PipelineTokenizer) throws(InputError) -> String {
  var lines: [String] = []
  for index in encoding.ids.indices {
    let (id, offsets) = (encoding.ids[index], encoding.offsets[index])
    lines.append("\(id)\t\(encoding.tokens[index].debugDescription)\t\(offsets.lowerBound)-\(offsets.upperBound)\n")
  }
  lines.append("= \(try tokenizer.decode(encoding.ids, skippingSpecialTokens: true).debugDescription)\n")
  return lines.joined()
}

/// Calls `body` with each line of standard input that is not empty; errors name the line.
func forEachLine(_ body: ([UInt8]) throws(InputError) -> Void) throws(InputError) {
  let limit = 256 << 20
  var (number, open) = (0, [UInt8]())
  func take(_ line: [UInt8]) throws(InputError) {
    number += 1
    guard !line.allSatisfy({ $0 == 0x0D || $0 == 0x20 }) else { return }
    do throws(InputError) { try body(line) } catch { throw error.inside("standard input, line \(number)") }
  }
  while true {
    let chunk: Data
    do { chunk = try FileHandle.standardInput.read(upToCount: 1 << 16) ?? Data() } catch {
      throw InputError(.io, "cannot be read: \(error)", at: "standard input")
    }
    guard !chunk.isEmpty else { break }
    for byte in chunk {
      guard byte == 0x0A else {
        open.append(byte)
        continue
      }
      try take(open)
      open.removeAll(keepingCapacity: true)
    }
    guard open.count <= limit else {
      throw InputError(.tooLarge, "has a line of more than \(limit) bytes", at: "standard input, line \(number + 1)")
    }
  }
  if !open.isEmpty { try take(open) }
}
