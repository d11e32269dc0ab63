import Formats
import Testing
import Tokenizers

/// The kind of the error that `body` throws; nil if it throws none.
func kind(_ body: () throws(InputError) -> Void) -> InputError.Kind? {
  do throws(InputError) {
    try body()
    return nil
  } catch {
    return error.kind
  }
}

extension JSONValue {
  /// The same with the member at `path` set, or without it.
  func setting(_ path: [JSONString], to value: JSONValue?) -> JSONValue {
    guard let key = path.first, case .object(var members) = self else { return value ?? .null }
    let index = members.firstIndex { $0.key == key }
    if path.count == 1 && value == nil {
      if let index { members.remove(at: index) }
    } else {
      let old = index.map { members[$0].value } ?? .object([])
      let member = JSONMember(key, old.setting(Array(path.dropFirst()), to: value))
      if let index { members[index] = member } else { members.append(member) }
    }
    return .object(members)
  }

  func tokenizer() throws(InputError) -> PipelineTokenizer {
    try PipelineTokenizer(tokenizerJSON: try encoded())
  }
}

func addedToken(
  _ id: JSONValue, _ content: JSONValue, singleWord: Bool = false, lstrip: Bool = false, rstrip: Bool = false,
  normalized: Bool = false, special: JSONValue = true
) -> JSONValue {
  [
    "id": id, "content": content, "single_word": .bool(singleWord), "lstrip": .bool(lstrip), "rstrip": .bool(rstrip),
    "normalized": .bool(normalized), "special": special,
  ]
}

/// The character of each byte in the byte alphabet, by the rule that GPT-2's authors gave.
let byteAlphabet: [String] = {
  var next: UInt32 = 256
  return (0..<256).map { byte in
    let printable = 33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte
    defer { next += printable ? 0 : 1 }
    return String(Unicode.Scalar(printable ? UInt32(byte) : next)!)
  }
}()

/// In GPT-2's manner: ids 0 to 255 are the bytes, then come merged tokens, and `<|end|>` is special.
let smallGPT2: JSONValue = {
  let merges = ["Ġ t", "h e", "Ġt he", "l l", "a b", "b c"]
  let tokens = byteAlphabet + merges.map { $0.replacing(" ", with: "") }
  let members = tokens.enumerated().map { JSONMember(JSONString($1), .integer($0)) }
  return [
    "version": "1.0", "truncation": .null, "padding": .null,
    "added_tokens": [addedToken(.integer(tokens.count), "<|end|>")],
    "normalizer": .null,
    "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
    "post_processor": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true],
    "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
    "model": [
      "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
      "fuse_unk": false, "byte_fallback": false, "vocab": .object(members),
      "merges": .array(merges.map { .string(JSONString($0)) }),
    ],
  ]
}()

/// In Llama's manner: `<unk>`, `<s>`, `</s>`, then 256 bytes from id 3 on, then the characters from id 259 on.
let smallLlama: JSONValue = {
  let bytes = (0..<256).map { "<0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) + ">" }
  let merges = [["▁", "a"], ["b", "c"], ["▁a", "bc"]]
  let tokens = ["<unk>", "<s>", "</s>"] + bytes + ["▁", "a", "b", "c"] + merges.map { $0.joined() }
  let members = tokens.enumerated().map { JSONMember(JSONString($1), .integer($0)) }
  return [
    "version": "1.0", "truncation": .null, "padding": .null,
    "added_tokens": [addedToken(0, "<unk>"), addedToken(1, "<s>"), addedToken(2, "</s>")],
    "normalizer": [
      "type": "Sequence",
      "normalizers": [
        ["type": "Prepend", "prepend": "▁"], ["type": "Replace", "pattern": ["String": " "], "content": "▁"],
      ],
    ],
    "pre_tokenizer": .null,
    "post_processor": [
      "type": "TemplateProcessing",
      "single": [["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]]],
      "pair": [["Sequence": ["id": "A", "type_id": 0]], ["Sequence": ["id": "B", "type_id": 1]]],
      "special_tokens": ["<s>": ["id": "<s>", "ids": [1], "tokens": ["<s>"]]],
    ],
    "decoder": [
      "type": "Sequence",
      "decoders": [
        ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
        ["type": "Strip", "content": " ", "start": 1, "stop": 0],
      ],
    ],
    "model": [
      "type": "BPE", "dropout": .null, "unk_token": "<unk>", "continuing_subword_prefix": .null,
      "end_of_word_suffix": .null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
      "vocab": .object(members), "merges": .array(merges.map { .array($0.map { .string(JSONString($0)) }) }),
    ],
  ]
}()

/// Bytes of a generator with a fixed seed, so that a failure comes again.
struct FixedRandom: RandomNumberGenerator {
  var state: UInt64 = 0x1234_5678_9ABC_DEF1

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
