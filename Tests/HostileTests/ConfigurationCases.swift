import Formats
import Foundation
import Models
import Tensor
import TestSupport

/// The parts of a right `config.json`, by key.
private let right: [(key: String, value: String)] = [
  ("model_type", "\"llama\""), ("architectures", "[\"LlamaForCausalLM\"]"), ("vocab_size", "37"), ("hidden_size", "16"),
  ("intermediate_size", "24"), ("num_hidden_layers", "2"), ("num_attention_heads", "4"), ("num_key_value_heads", "2"),
  ("max_position_embeddings", "20"), ("rms_norm_eps", "1e-6"), ("tie_word_embeddings", "true"),
]

/// A right model's folder whose configuration has these members instead or besides; nil takes one away.
private func configuration(_ changes: [(String, String?)]) -> String {
  var members = right
  for (key, value) in changes {
    members.removeAll { $0.key == key }
    if let value { members.append((key, value)) }
  }
  return "{\(members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}"
}

/// Writes the weights that belong to the right configuration.
private func writeWeights(_ folder: String, _ change: (inout [(name: String, value: Tensor)]) -> Void = { _ in }) throws
{
  let sizes = Llama.Configuration(
    vocabularySize: 37, contextLength: 20, width: 16, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 24)
  var initializer = Initializer.random(seed: 1)
  var parameters = Llama(sizes, hasHead: false, &initializer).parameters
  change(&parameters)
  try saveTensors(parameters, to: folder + "/model.safetensors")
}

private func text(_ name: String, _ bytes: [UInt8], _ kinds: [InputError.Kind]) -> HostileCase {
  HostileCase(name, kinds) { folder in
    try writeWeights(folder)
    _ = try write(bytes, folder, "config.json")
    return folder
  } open: {
    _ = try PretrainedModel.load(from: $0)
  }
}

private func changed(_ changes: [(String, String?)], _ kinds: InputError.Kind...) -> HostileCase {
  text(changes.map { "\($0) \($1 ?? "absent")" }.joined(separator: ", "), Array(configuration(changes).utf8), kinds)
}

private func changed(_ key: String, _ value: String?, _ kinds: InputError.Kind...) -> HostileCase {
  text("\(key) \(value ?? "absent")", Array(configuration([(key, value)]).utf8), kinds)
}

private func weights(
  _ name: String, _ kinds: InputError.Kind...,
  change: @escaping @Sendable (inout [(name: String, value: Tensor)]) -> Void
) -> HostileCase {
  HostileCase(name, kinds) { folder in
    try writeWeights(folder, change)
    _ = try write(Array(configuration([]).utf8), folder, "config.json")
    return folder
  } open: {
    _ = try PretrainedModel.load(from: $0)
  }
}

private let sizes = [
  "hidden_size", "num_attention_heads", "num_key_value_heads", "num_hidden_layers", "vocab_size", "intermediate_size",
  "max_position_embeddings",
]

let configurationFamilies: [HostileFamily] = [
  HostileFamily(
    "C1", 14, sizes.flatMap { [changed($0, "0", .badValue), changed($0, "-1", .badValue)] }),
  HostileFamily(
    "C2", 56,
    sizes.flatMap { key in
      ["2147483648", "9223372036854775807", "1e18", "4096.5", "\"4096\"", "null", "true", "[4096]"].map { value in
        // No number of key-value heads means as many as there are heads, which then do not fit the weights.
        value == "null" && key == "num_key_value_heads"
          ? changed(key, value, .inconsistent) : changed(key, value, .tooLarge, .wrongType)
      }
    }),
  HostileFamily(
    "C3", 6,
    [
      changed([("hidden_size", "4096"), ("num_attention_heads", "7"), ("num_key_value_heads", "7")], .inconsistent),
      changed([("hidden_size", "1792"), ("num_attention_heads", "24"), ("num_key_value_heads", "24")], .inconsistent),
      changed("num_key_value_heads", "3", .inconsistent), changed("num_key_value_heads", "8", .inconsistent),
      changed("head_dim", "3", .inconsistent), changed("head_dim", "0", .inconsistent, .badValue),
    ]),
  HostileFamily(
    "C4", 2,
    [
      changed(
        [("vocab_size", "67108864"), ("hidden_size", "1048576"), ("intermediate_size", "1048576")], .overflow, .budget,
        .inconsistent),
      changed([("num_hidden_layers", "65536"), ("intermediate_size", "1048576")], .overflow, .budget, .inconsistent),
    ]),
  HostileFamily(
    "C5", 11,
    [
      changed("rms_norm_eps", "0", .badValue), changed("rms_norm_eps", "-1", .badValue),
      changed("rms_norm_eps", "NaN", .badJSON, .nonFinite), changed("rms_norm_eps", "\"1e-5\"", .wrongType, .badValue),
      changed("rms_norm_eps", "1e400", .overflow, .nonFinite), changed("rms_norm_eps", "1e-400", .badValue),
      changed("rope_theta", "0", .badValue), changed("rope_theta", "-1", .badValue),
      changed("rope_theta", "Infinity", .badJSON, .nonFinite),
      changed("partial_rotary_factor", "1.5", .badValue, .unsupported),
      changed("attention_dropout", "2", .badValue),
    ]),
  HostileFamily(
    "C6", 8,
    [
      changed("model_type", nil, .missing, .unsupported), changed("model_type", "\"evil\"", .unsupported),
      changed("model_type", "\"\"", .unsupported), changed("model_type", "[]", .wrongType),
      changed("model_type", "7", .wrongType), changed("hidden_act", "\"evil\"", .unsupported),
      changed("rope_scaling", "{\"type\": \"evil\", \"factor\": 2}", .unsupported),
      changed("rope_scaling", "{\"type\": \"linear\", \"factor\": 0}", .badValue),
    ]),
  HostileFamily(
    "C7", 5,
    [
      // A token that the vocabulary lacks never comes: defaults of small configurations are such, and do no harm.
      changed("eos_token_id", "-1", .badValue), changed("eos_token_id", "37"),
      changed("eos_token_id", "[]", .badValue), changed("eos_token_id", "[\"a\"]", .wrongType, .badValue),
      changed("eos_token_id", "1099511627776"),
    ]),
  HostileFamily(
    "C8", 4,
    [
      weights("a layer more", .inconsistent) { parameters in
        parameters += parameters.filter { $0.name.contains("layers.1.") }.map {
          ($0.name.replacingOccurrences(of: "layers.1.", with: "layers.2."), $0.value)
        }
      },
      weights("a tensor less", .missing, .inconsistent) { $0.remove(at: 3) },
      weights("a matrix turned", .inconsistent) { parameters in
        let place = parameters.firstIndex { $0.name.hasSuffix("gate_proj.weight") } ?? 0
        parameters[place].value = Tensor.zeros(Shape(16, 24))
      },
      // What the file holds counts: a head of its own is used, whatever the configuration says.
      weights("a head that is said to be tied") { $0.append(("lm_head.weight", Tensor.zeros(Shape(37, 16)))) },
    ]),
  HostileFamily(
    "C9", 8,
    [
      text("a key twice", Array(#"{"model_type":"llama","model_type":"gpt2"}"#.utf8), [.duplicate]),
      text("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(configuration([]).utf8), [.badJSON]),
      text("a comment", Array("// right\n".utf8) + Array(configuration([]).utf8), [.badJSON]),
      changed("x", "NaN", .badJSON),
      text("a trailing comma", Array((configuration([]).dropLast() + ",}").utf8), [.badJSON]),
      HostileCase("100 MB", .tooLarge) { folder in
        try writeWeights(folder)
        _ = try writeSparse(Array("{".utf8), size: 100 << 20, folder, "config.json")
        return folder
      } open: {
        _ = try PretrainedModel.load(from: $0)
      },
      changed("x", String(repeating: "[", count: 100_000), .badJSON),
      text("UTF-16", [0xFF, 0xFE] + configuration([]).utf16.flatMap { GGUFBuilder.bytes($0) }, [.badJSON, .badUTF8]),
      text("UTF-16 without a mark", configuration([]).utf16.flatMap { GGUFBuilder.bytes($0) }, [.badJSON, .badUTF8]),
    ]),
  HostileFamily(
    "C10", 3,
    [
      changed("auto_map", "{\"AutoModel\": \"evil.py\"}"), changed("trust_remote_code", "true"),
      changed("_name_or_path", "\"../../etc/passwd\""),
    ]),
]
