import Checkpoints
import Formats
import Models
import TestSupport
import Tokenizers

// Files of a few megabytes whose values are so small, so many or so nested that most ways to hold them take many times
// their bytes. The driver allows 32 MB and twice the file.

/// `[item,item,...]` of about as many bytes.
private func array(_ item: String, _ byteCount: Int) -> String {
  "[" + String(repeating: item + ",", count: byteCount / (item.utf8.count + 1)) + item + "]"
}

/// `"aaaa":value,"aaab":value,...` of distinct keys.
private func members(_ value: String, _ count: Int) -> String {
  var text: [UInt8] = []
  let value = Array(":\(value),".utf8)
  text.reserveCapacity(count * (6 + value.count))
  for number in 0..<count {
    text.append(UInt8(ascii: "\""))
    for shift in [15, 10, 5, 0] { text.append(UInt8(ascii: "A") + UInt8(number >> shift & 31)) }
    // "\" is one of them.
    if text.suffix(4).contains(UInt8(ascii: "\\")) {
      text.removeLast(5)
      continue
    }
    text.append(UInt8(ascii: "\""))
    text += value
  }
  return String(decoding: text.dropLast(), as: UTF8.self)
}

/// Numbers, joined by commas, in some form.
private func list(_ count: Int, _ form: (Int) -> String) -> String { (0..<count).map(form).joined(separator: ",") }

private let megabyte = 1 << 20

private func wide(
  _ name: String, _ kinds: InputError.Kind..., file: String, others: [(name: String, text: String)] = [],
  text: @escaping @Sendable () -> String, open: @escaping @Sendable (_ folder: String) throws -> Void
) -> HostileCase {
  HostileCase(name, kinds) { folder in
    for other in others { _ = try write(Array(other.text.utf8), folder, other.name) }
    _ = try write(Array(text().utf8), folder, file)
    return folder
  } open: {
    try open($0)
  }
}

/// A tokenizer.json whose model is of the given text.
private func tokenizer(
  _ name: String, _ kind: InputError.Kind, model: String = #"{"type":"BPE","vocab":{"a":0},"merges":[]}"#,
  others: @escaping @Sendable () -> String = { "" }, parts: (@Sendable () -> String)? = nil
) -> HostileCase {
  wide(name, kind, file: "tokenizer.json") {
    #"{\#(others())"model":\#(parts?() ?? model)}"#
  } open: {
    _ = try loadTokenizer(in: $0)
  }
}

private func pairs(vocabulary: String = #"{"a":0,"b":1,"ab":2}"#, merges: String = "[]") -> String {
  #"{"type":"BPE","vocab":\#(vocabulary),"merges":\#(merges)}"#
}

private func safetensors(_ name: String, _ kinds: InputError.Kind..., header: @escaping @Sendable () -> String)
  -> HostileCase
{
  HostileCase(name, kinds) {
    let text = Array(header().utf8)
    return try write(eight(UInt64(text.count)) + text, $0, "model.safetensors")
  } open: {
    _ = try SafetensorsCheckpoint(at: $0)
  }
}

private func configuration(_ name: String, _ kind: InputError.Kind, text: @escaping @Sendable () -> String)
  -> HostileCase
{
  wide(name, kind, file: "config.json", text: text) { _ = try PretrainedModel.loadAny(from: $0) }
}

/// Byte pairs without a tokenizer.json.
private let pairFiles = [
  (name: "vocab.json", text: #"{"a":0,"b":1,"ab":2}"#), (name: "merges.txt", text: "a b\n"),
  (name: "tokenizer_config.json", text: #"{"tokenizer_class":"GPT2Tokenizer"}"#),
]

private func folder(
  _ name: String, _ kinds: InputError.Kind..., file: String, text: @escaping @Sendable () -> String
) -> HostileCase {
  HostileCase(name, kinds) { folder in
    for (name, text) in pairFiles { _ = try write(Array(text.utf8), folder, name) }
    _ = try write(Array(text().utf8), folder, file)
    return folder
  } open: {
    _ = try loadTokenizer(in: $0)
  }
}

let wideFamilies: [HostileFamily] = [
  HostileFamily(
    "W1", 9,
    [
      tokenizer("numbers", .tooLarge, others: { #""added_tokens":\#(array("1", 3 * megabyte / 2)),"# }),
      tokenizer("strings of escapes", .badValue, parts: { pairs(merges: array(#""\n""#, 3 * megabyte)) }),
      tokenizer("distinct keys", .wrongType, parts: { pairs(vocabulary: "{\(members("{}", 200_000))}") }),
      tokenizer(
        "deep", .unsupported,
        others: {
          #""x":\#(array(String(repeating: "[", count: 60) + String(repeating: "]", count: 60), 4 * megabyte / 3)),"#
        }),
      tokenizer(
        "steps that are none", .wrongType,
        others: {
          #""normalizer":{"type":"Sequence","normalizers":\#(array("1", megabyte))},"#
        }),
      tokenizer(
        "ids of a special token", .wrongType,
        others: {
          let ids = array("{}", megabyte)
          return #""post_processor":{"type":"TemplateProcessing","single":[],"pair":[],"special_tokens":"#
            + #"{"a":{"id":"a","ids":\#(ids),"tokens":\#(ids)}}},"#
        }),
      tokenizer(
        "a far id", .inconsistent,
        parts: {
          pairs(vocabulary: "{\(list(40_000) { "\"t\($0)\":\($0)" }),\"z\":1120000}", merges: #"["z y"]"#)
        }),
      tokenizer(
        "a wrong last merge", .badValue, parts: { pairs(merges: #"["a b",\#(array("[]", megabyte).dropFirst())"#) }),
      tokenizer(
        "a wrong last piece", .badValue,
        parts: {
          #"{"type":"Unigram","vocab":[\#(list(50_000) { "[\"t\($0)\",0]" }),1]}"#
        }),
    ]),
  HostileFamily(
    "W2", 4,
    [
      tokenizer(
        "long tokens in a trie", .tooLarge,
        parts: {
          #"{"type":"WordPiece","unk_token":"a","continuing_subword_prefix":"","max_input_chars_per_word":100,"vocab":{"#
            + list(150) { "\"\($0)" + String(repeating: "x", count: 8000) + "\":\($0)" } + "}}"
        }),
      tokenizer(
        "long added tokens", .tooLarge,
        others: {
          let flags = #""single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true"#
          let long = String(repeating: "x", count: 505)
          return #""added_tokens":[\#(list(2100) { "{\"id\":\($0 + 1),\"content\":\"\($0)\(long)\",\(flags)}" })],"#
        }),
      folder("lines of merges", .tooLarge, file: "merges.txt") { String(repeating: "\n", count: 3 * megabyte) },
      wide("lines of tokens", .tooLarge, file: "vocab.txt") {
        String(repeating: "\n", count: 3 * megabyte)
      } open: {
        _ = try loadTokenizer(in: $0)
      },
    ]),
  HostileFamily(
    "W3", 2,
    [
      folder("special tokens by the thousand", file: "tokenizer_config.json") {
        #"{"tokenizer_class":"GPT2Tokenizer","additional_special_tokens":[\#(list(8000) { "\"<\($0)>\"" })]}"#
      },
      folder("added tokens by the thousand", file: "added_tokens.json") {
        "{\(list(8000) { "\"<\($0)>\":\($0 + 3)" })}"
      },
    ]),
  HostileFamily(
    "W4", 3,
    [
      configuration("a configuration of keys", .tooLarge) { "{\(members("0", 20_000))}" },
      configuration("labels", .tooLarge) {
        #"{"architectures":["GPT2ForSequenceClassification"],"model_type":"gpt2","id2label":{\#(members("0", 80_000))}}"#
      },
      wide("a setting of generation", .tooLarge, file: "generation_config.json") {
        #"{"sequence_bias":\#(array("[]", megabyte / 2))}"#
      } open: {
        _ = try PretrainedModel.settingsNotHonoured(in: $0)
      },
    ]),
  HostileFamily(
    "W5", 4,
    [
      safetensors("metadata") { #"{"__metadata__":{\#(members(#""""#, 60_000))}}"# },
      safetensors("tensors", .wrongType) {
        let record = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
        return "{\(members(record, 20_000)),\"zzzzz\":1}"
      },
      wide("an index", .notFound, file: "model.safetensors.index.json") {
        #"{"weight_map":{\#(members(#""s""#, 60_000))}}"#
      } open: {
        _ = try SafetensorsCheckpoint(at: $0)
      },
      wide("an index of files", .tooLarge, file: "model.safetensors.index.json") {
        #"{"weight_map":{\#(list(20_000) { "\"\($0)\":\"\($0)\"" })}}"#
      } open: {
        _ = try SafetensorsCheckpoint(at: $0)
      },
    ]),
]
