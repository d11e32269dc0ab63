import Formats
import Foundation
import TestSupport
import Tokenizers

/// Reads a tokenizer.json, and cuts and joins text with it.
@Sendable private func openWhole(_ path: String) throws {
  let tokenizer = try PipelineTokenizer(path: path)
  for text in ["", "ab ba  a", "é漢\u{301}\0<s> b"] {
    let encoding = try tokenizer.encoding(of: text)
    _ = try tokenizer.decode(encoding.ids)
  }
}

private func raw(_ name: String, _ kinds: InputError.Kind..., bytes: [UInt8]) -> HostileCase {
  HostileCase(name, kinds, make: { try write(bytes, $0, "tokenizer.json") }, open: openWhole)
}

/// Makes cases of a name, the kinds of errors that are right, and a text.
private struct Maker {
  let make: @Sendable (_ name: String, _ kinds: [InputError.Kind], _ text: String) -> HostileCase

  func callAsFunction(_ name: String, _ text: String) -> HostileCase { make(name, [], text) }
  func callAsFunction(_ name: String, _ a: InputError.Kind, _ text: String) -> HostileCase { make(name, [a], text) }
  func callAsFunction(
    _ name: String, _ a: InputError.Kind, _ b: InputError.Kind, _ text: String
  ) -> HostileCase { make(name, [a, b], text) }
}

private let json = Maker { name, kinds, text in
  HostileCase(name, kinds, make: { try write(Array(text.utf8), $0, "tokenizer.json") }, open: openWhole)
}

/// A byte-pair tokenizer of a few characters; parts are JSON text, so that they can be anything.
private func pairs(
  vocabulary: String = #"{"a": 0, "b": 1, "ab": 2, "<unk>": 3, "<s>": 4}"#, merges: String = #"["a b"]"#,
  model more: String = "", _ others: String = ""
) -> String {
  #"{"version": "1.0", \#(others) "model": {"type": "BPE", \#(more) "vocab": \#(vocabulary), "merges": \#(merges)}}"#
}

private let merges = Maker { name, kinds, text in
  json.make(name, kinds, pairs(vocabulary: #"{"a": 0, "b": 1, "ab": 2, "c": 3}"#, merges: text))
}

private func unigram(_ vocabulary: String, unknown: String = "0") -> String {
  #"{"model": {"type": "Unigram", "unk_id": \#(unknown), "vocab": \#(vocabulary)}}"#
}

private func wordPiece(
  _ name: String, _ kinds: InputError.Kind..., longest: String = "100", unknown: String = "[UNK]", prefix: String = "##"
) -> HostileCase {
  let text = #"""
    {"model": {"type": "WordPiece", "unk_token": "\#(unknown)", "continuing_subword_prefix": "\#(prefix)",
     "max_input_chars_per_word": \#(longest), "vocab": {"[UNK]": 0, "a": 1, "##b": 2}}}
    """#
  return HostileCase(name, kinds, make: { try write(Array(text.utf8), $0, "tokenizer.json") }, open: openWhole)
}

private func split(_ name: String, _ pattern: String) -> HostileCase {
  let quoted = String(decoding: (try? JSONValue.string(JSONString(pattern)).encoded()) ?? [], as: UTF8.self)
  let text = pairs(
    #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": \#(quoted)}, "behavior": "Isolated", "invert": false},"#)
  return HostileCase(
    name, .unsupported, make: { try write(Array(text.utf8), $0, "tokenizer.json") }, open: openWhole)
}

private func added(_ content: String, id: String = "9", flags: String = "false", special: String = "true") -> String {
  let flags = ["single_word", "lstrip", "rstrip", "normalized"].map { #""\#($0)": \#(flags)"# }.joined(separator: ", ")
  return #"{"id": \#(id), "content": "\#(content)", "special": \#(special), \#(flags)}"#
}

/// vocab.json and merges.txt in a folder, with a configuration that says what they are.
private func folder(_ name: String, _ kinds: InputError.Kind..., size: Int? = nil, merges: String) -> HostileCase {
  HostileCase(name, kinds) { folder in
    let alphabet = (0..<256).map { "\"<\($0)>\": \($0 + 10)" }.joined(separator: ", ")
    _ = try write(Array(#"{"a": 0, "b": 1, "ab": 2, \#(alphabet)}"#.utf8), folder, "vocab.json")
    _ = try write(Array(#"{"tokenizer_class": "GPT2Tokenizer"}"#.utf8), folder, "tokenizer_config.json")
    if let size {
      _ = try writeSparse(Array(merges.utf8), size: size, folder, "merges.txt")
    } else {
      _ = try write(Array(merges.utf8), folder, "merges.txt")
    }
    return folder
  } open: {
    _ = try PipelineTokenizer(directory: $0).encode("ab")
  }
}

private let whole = pairs(#""added_tokens": [\#(added("<s>", id: "4"))],"#)

private let template = """
  {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": -1}}], "pair": [{"Sequence":
  {"id": "A", "type_id": 0}}], "special_tokens": {}}
  """

#if DEBUG
  private let long = 1 << 14
#else
  private let long = 1 << 20
#endif

/// Long texts and wrong ids for a tokenizer that is right.
private func use(
  _ name: String, _ kinds: InputError.Kind..., using body: @escaping @Sendable (PipelineTokenizer) throws -> Void
)
  -> HostileCase
{
  let bytes = (0..<256).map { "\"<0x\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))>\": \($0 + 5)" }
  let text = pairs(
    vocabulary: #"{"a": 0, "b": 1, "ab": 2, "aa": 3, "aaaa": 4, \#(bytes.joined(separator: ", "))}"#,
    merges: #"["a a", "aa aa", "a b"]"#, model: #""byte_fallback": true, "fuse_unk": true,"#)
  return HostileCase(name, kinds, make: { try write(Array(text.utf8), $0, "tokenizer.json") }) {
    try body(try PipelineTokenizer(path: $0))
  }
}

private let texts: [(String, String)] = [
  ("a", "a"), ("^", "^"), ("spaces", " "), ("combining marks", "\u{301}"), ("joined emoji", "👩\u{200D}"), ("NUL", "\0"),
  ("U+FFFE", "\u{FFFE}"),
]

private let cutWhole: [HostileCase] = (1...10).map { step in
  raw("cut at \(step) of 11", .badJSON, bytes: Array(whole.utf8.prefix(whole.utf8.count * step / 11)))
}

private let longTexts: [HostileCase] = texts.map { (name, text) in
  use("much of \(name)") {
    let encoding = try $0.encoding(of: String(repeating: text, count: long / text.utf8.count))
    _ = try $0.decode(encoding.ids)
  }
}

let tokenizerFamilies: [HostileFamily] = {
  var families: [HostileFamily] = []
  families.append(
    HostileFamily(
      "T1", 17,
      [
        raw("empty", .badJSON, bytes: []), json("{}", .missing, "{}"), json("[]", .wrongType, .missing, "[]"),
        raw("not UTF-8", .badUTF8, .badJSON, bytes: Array(#"{"a": ""#.utf8) + [0xFF] + Array(#""}"#.utf8)),
        json("half a surrogate", .badJSON, #"{"model": "\ud800"}"#),
        json("deep", .badJSON, .tooLarge, String(repeating: "[", count: 100_000)),
        HostileCase(
          "1 GB", .tooLarge, make: { try writeSparse([0x7B], size: 1 << 30, $0, "tokenizer.json") }, open: openWhole),
      ] + cutWhole + [json("the whole", whole)]))
  families.append(
    HostileFamily(
      "T2", 5,
      [
        json("no type", .unsupported, .missing, #"{"model": {"vocab": {}}}"#),
        json("type Evil", .unsupported, #"{"model": {"type": "Evil"}}"#),
        json("type 7", .wrongType, #"{"model": {"type": 7}}"#),
        json("version 9.9", .unsupported, #"{"version": "9.9", "model": {}}"#),
        json("no model", .wrongType, .missing, #"{"model": null}"#),
      ]))
  families.append(
    HostileFamily(
      "T3", 7,
      ["-1", "1.5", "\"1\"", "2147483648", "9223372036854775808", "1000000000000", "null"].map { id in
        json("id \(id)", .badValue, .wrongType, pairs(vocabulary: #"{"a": 0, "b": \#(id)}"#, merges: "[]"))
      }))
  families.append(
    HostileFamily(
      "T4", 6,
      [
        json("a key twice", .duplicate, pairs(vocabulary: #"{"a": 0, "a": 1}"#, merges: "[]")),
        json("an id twice", .duplicate, pairs(vocabulary: #"{"a": 0, "b": 0}"#, merges: "[]")),
        json("a hole", pairs(vocabulary: #"{"a": 0, "b": 9}"#, merges: "[]")),
        json("both forms of a letter", pairs(vocabulary: "{\"\u{E0}\": 0, \"a\u{300}\": 1}", merges: "[]")),
        json("line ends", pairs(vocabulary: #"{"\r\n": 0, "\r": 1}"#, merges: "[]")),
        json("an empty token", .badValue, pairs(vocabulary: #"{"": 0}"#, merges: "[]")),
      ]))
  families.append(
    HostileFamily(
      "T5", 10,
      [
        merges("one", .badValue, #"["a"]"#), merges("three", .badValue, #"["a b c"]"#),
        merges("[one]", .badValue, #"[["a"]]"#),
        merges("[three]", .badValue, #"[["a", "b", "c"]]"#), merges("7", .wrongType, "[7]"),
        merges("not in the vocabulary", .inconsistent, #"["a x"]"#),
        merges("result not in the vocabulary", .inconsistent, #"["b a"]"#),
        merges("longer than all tokens", .inconsistent, #"["ab ab"]"#), merges("twice", .duplicate, #"["a b", "a b"]"#),
        // As many as are refused, and not 10^7: reading JSON takes its time in debug builds.
        HostileCase("too many", .tooLarge) {
          try write(
            Array(pairs(merges: "[" + String(repeating: "0,", count: 1 << 20) + "0]").utf8), $0, "tokenizer.json")
        } open: {
          try openWhole($0)
        },
      ]))
  families.append(
    HostileFamily(
      "T6", 8,
      [
        json("empty", .badValue, unigram("[]")), json("NaN", .badJSON, unigram(#"[["a", NaN]]"#)),
        json("infinity", .overflow, .nonFinite, unigram(#"[["a", 1e400]]"#)),
        json("a score that is text", .wrongType, unigram(#"[["a", "x"]]"#)),
        json("unk_id -1", .badValue, unigram(#"[["a", 0]]"#, unknown: "-1")),
        json("unk_id beyond", .badValue, .tooLarge, unigram(#"[["a", 0]]"#, unknown: "1")),
        // Without an unknown token the text that has no other is refused.
        json("no unk_id", .badValue, unigram(#"[["a", 0]]"#, unknown: "null")),
        json("a token of 1 MB", .tooLarge, unigram(#"[["\#(String(repeating: "a", count: 1 << 20))", 0]]"#)),
      ]))
  families.append(
    HostileFamily(
      "T7", 5,
      [
        // Every word is then unknown, as in the reference.
        wordPiece("words of 0", longest: "0"), wordPiece("words of -1", .badValue, longest: "-1"),
        wordPiece("words of 10^9", longest: "1000000000"),
        wordPiece("no unknown token", .inconsistent, .badValue, unknown: "?"), wordPiece("no prefix", prefix: ""),
      ]))
  families.append(
    HostileFamily(
      "T8", 7,
      [
        split("(a+)+", "(a+)+"), split("(a|a)*b", "(a|a)*b"), split("(?=x)*", "(?=x)*"), split("(", "("),
        split("1 MB", String(repeating: "ab", count: 1 << 19)), split("a reference", #"(a)\1"#),
        split("{1000000}", "a{1000000}"),
      ]))
  families.append(
    HostileFamily(
      "T9", 7,
      [
        json("length 0", .badValue, pairs(#""pre_tokenizer": {"type": "FixedLength", "length": 0},"#)),
        json(
          "strip 10^9", .badValue, .tooLarge,
          pairs(#""decoder": {"type": "Strip", "content": "a", "start": 1000000000, "stop": 0},"#)),
        json(
          "stride", .inconsistent,
          pairs(
            #""truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 2},"#)),
        json(
          "max_length 0", .badValue,
          pairs(
            #""truncation": {"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 0},"#)),
        json(
          "padding to 2^40", .tooLarge, .badValue,
          pairs(
            #"""
            "padding": {"strategy": {"Fixed": 1099511627776}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "a"},
            """#)),
        json(
          "a template's token", .inconsistent,
          pairs(
            #"""
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "?", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}},
            """#)),
        json("type_id -1", .badValue, pairs("\"post_processor\": \(template),")),
      ]))
  families.append(
    HostileFamily(
      "T10", 4,
      [
        ("no Base64", "?"), ("3 bytes", "AQID"), ("a trie larger than all", "/wAAAAAA"),
        ("a leaf out of range", mapText),
      ].map { (name, text) in
        json(
          name, .badValue,
          pairs(#""normalizer": {"type": "Precompiled", "precompiled_charsmap": "\#(text)"},"#))
      }))
  families.append(
    HostileFamily(
      "T11", 6,
      [
        json("empty", .badValue, pairs("\"added_tokens\": [\(added(""))],")),
        json("another's id", .inconsistent, .duplicate, pairs("\"added_tokens\": [\(added("x", id: "0"))],")),
        json("id 2^31", .badValue, .tooLarge, pairs("\"added_tokens\": [\(added("x", id: "2147483648"))],")),
        json(
          "10^6", .tooLarge, pairs("\"added_tokens\": [" + String(repeating: "0,", count: 1_000_000) + "0],")),
        json("one begins another", pairs("\"added_tokens\": [\(added("x")), \(added("xy", id: "10"))],")),
        json("special yes", .wrongType, pairs("\"added_tokens\": [\(added("x", special: "\"yes\""))],")),
      ]))
  families.append(
    HostileFamily(
      "T12", 7,
      [
        folder("CR LF", merges: "#version: 0.2\r\na b\r\n"), folder("no version", merges: "a b\n"),
        folder("blank lines", merges: "\n\na b\n\n"), folder("no last line end", merges: "#version: 0.2\na b"),
        folder("a NUL", .badValue, merges: "a b\n\0"), folder("one field", .badValue, merges: "ab\n"),
        folder("a line of 1 GB", .tooLarge, size: 1 << 30, merges: "a "),
      ]))
  families.append(
    HostileFamily(
      "T13", 11,
      longTexts + [
        use("id -1", .badValue) { _ = try $0.decode([-1]) },
        use("the id after the last", .badValue) { _ = try $0.decode([$0.vocabularySize]) },
        use("id 2^31", .badValue) { _ = try $0.decode([1 << 31]) }, use("no ids") { _ = try $0.decode([]) },
      ]))
  families.append(
    HostileFamily(
      "tiktoken", 12,
      [
        tiktoken("empty", .badValue, ""), tiktoken("no rank", .badValue, "YQ==\n"),
        tiktoken("three fields", .badValue, "YQ== 0 1\n"),
        tiktoken("rank -1", .badValue, "YQ== -1\n"), tiktoken("rank 2^63", .badValue, "YQ== 9223372036854775808\n"),
        tiktoken("rank 10^12", .badValue, "YQ== 1000000000000\n"), tiktoken("no Base64", .badValue, "Y?== 0\n"),
        tiktoken("an empty token", .badValue, " 0\n"), tiktoken("a token twice", .duplicate, "YQ== 0\nYQ== 1\n"),
        tiktoken("a rank twice", .duplicate, "YQ== 0\nYg== 0\n"), tiktoken("a byte missing", .badValue, "YQ== 0\n"),
        tiktoken("a token of 1 MB", .tooLarge, String(repeating: "YWFh", count: 350_000) + " 0\n"),
        tiktoken("HTML", .badValue, "<!DOCTYPE html>\n"),
      ]))
  families.append(
    HostileFamily(
      "tokenizer_config", 10,
      [
        configuration("not JSON", .badJSON, "{"), configuration("an array", .wrongType, "[]"),
        configuration("class 7", .wrongType, #"{"tokenizer_class": 7}"#),
        configuration("class Evil", .unsupported, #"{"tokenizer_class": "Evil"}"#),
        configuration(
          "a template that is a number", .wrongType, #"{"tokenizer_class": "GPT2Tokenizer", "chat_template": 7}"#),
        configuration(
          "a key twice", .duplicate, #"{"tokenizer_class": "GPT2Tokenizer", "tokenizer_class": "GPT2Tokenizer"}"#),
        configuration("a token without content", .missing, #"{"tokenizer_class": "GPT2Tokenizer", "bos_token": {}}"#),
        configuration("an empty token", .badValue, #"{"tokenizer_class": "GPT2Tokenizer", "bos_token": ""}"#),
        configuration(
          "an added token's id", .badValue, #"{"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {"x": {}}}"#),
        configuration(
          "an added token's id 2^40", .badValue,
          #"{"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {"1099511627776": \#(added("x").replacing("\"id\": 9, ", with: ""))}}"#
        ),
        configuration(
          "code to run", #"{"tokenizer_class": "GPT2Tokenizer", "auto_map": {"AutoTokenizer": ["../x.py", null]}}"#),
      ]))
  return families
}()

private let tiktoken = Maker { name, kinds, text in
  HostileCase(name, kinds, make: { try write(Array(text.utf8), $0, "x.tiktoken") }) {
    _ = try PipelineTokenizer(tiktoken: try InputFile.contents(of: $0, atMost: 64 << 20), layout: .cl100k).encode("a")
  }
}

private let configuration = Maker { name, kinds, text in
  HostileCase(name, kinds) { folder in
    _ = try write(Array(#"{"a": 0, "b": 1, "ab": 2}"#.utf8), folder, "vocab.json")
    _ = try write(Array("a b\n".utf8), folder, "merges.txt")
    _ = try write(Array(text.utf8), folder, "tokenizer_config.json")
    return folder
  } open: {
    _ = try PipelineTokenizer(directory: $0).encode("ab")
  }
}

/// A map of characters whose one leaf points beyond the replacements.
private let mapText: String = {
  var bytes: [UInt8] = [0, 4, 0, 0]
  for unit in 0..<256 {
    let value: UInt32 = [0: 1 << 10, 0x60: 0x61 | 0x100 | 2 << 10, 0x62: 0x7FFF_FFFF][unit] ?? 0
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
  }
  return Data(bytes + [0x78, 0]).base64EncodedString()
}()
