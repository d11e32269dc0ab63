import Models

/// The small models that the reference values belong to: the configuration as a file has it, and numbers that
/// transformers 5.23 computes for it, in Float64.
enum SmallModels {
  static let gpt2 = """
    {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 61, "n_positions": 32, "n_embd": 24,
     "n_layer": 2, "n_head": 3, "n_inner": null, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
     "attn_pdrop": 0.1, "bos_token_id": 0, "eos_token_id": 0, "scale_attn_weights": true}
    """

  /// Two query heads to a key-value head, a head of its own.
  static let grouped = llama("\"num_key_value_heads\": 2, \"tie_word_embeddings\": false")

  /// Biases everywhere, a head width that is not width / heads, frequencies as in Llama 3.1, tied.
  static let scaled = llama(
    """
    "num_key_value_heads": 1, "head_dim": 12, "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true,
    "rope_parameters": {"rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
    """)

  /// The older form of `scaled`'s file.
  static let scaledOldForm = llama(
    """
    "num_key_value_heads": 1, "head_dim": 12, "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true,
    "rope_theta": 100, "rope_scaling": {"type": "llama3", "factor": 4.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
    """)

  /// Positions divided by a factor, another activation and epsilon.
  static let linear = llama(
    """
    "num_key_value_heads": 4, "tie_word_embeddings": false, "hidden_act": "gelu_pytorch_tanh", "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0, "rope_scaling": {"rope_type": "linear", "factor": 2.5}
    """)

  /// A window in the second block, norms of the heads, frequencies as YaRN blends them.
  static let qwen3 = llama(
    """
    "num_key_value_heads": 2, "head_dim": 12, "tie_word_embeddings": true, "use_sliding_window": true,
    "sliding_window": 5, "max_window_layers": 1,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
    """
  ).replacing("\"llama\"", with: "\"qwen3\"")

  static func llama(_ members: String) -> String {
    """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 61, "hidden_size": 32,
     "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
     "eos_token_id": 0, \(members)}
    """
  }

  /// Scores of the tokens 0, 1, 30 and 60 at four places: row 0 first and last, row 1 in the middle and last; and the
  /// sum of all magnitudes.
  struct Expected: Sendable {
    var scores: [[Double]]
    var magnitudes: Double
  }

  static let gpt2Expected = Expected(
    scores: [
      [-1.6413812, -0.21520741, -1.5254538, -0.065779405], [-0.76538572, -0.63703521, 0.10408264, 1.3500269],
      [-1.341223, -2.0887163, -0.32049697, 0.044539185], [0.49900266, -1.1836036, -0.73470679, 0.36243198],
    ], magnitudes: 2295.29765)
  static let groupedExpected = Expected(
    scores: [
      [1.147556, -0.51807893, 1.4696392, -0.85426537], [0.17501724, -2.1420035, -0.67779188, -1.0449788],
      [0.044488354, 0.90697924, -1.2108115, 1.9356725], [0.66692387, -0.0014982966, -1.4787516, -2.8673216],
    ], magnitudes: 2368.11813)
  static let scaledExpected = Expected(
    scores: [
      [1.9076561, -0.59820794, -2.2596604, 1.2700911], [1.3348105, -0.82035368, -0.25989345, 1.3789553],
      [2.1063362, -0.34087635, -0.26066035, 1.696089], [1.4611308, -0.43189864, 1.282344, 1.6455177],
    ], magnitudes: 2421.38362)
  static let linearExpected = Expected(
    scores: [
      [0.034589143, 0.28307901, -0.72713077, 1.6264258], [-0.4320078, -0.79321167, -1.3062257, 0.39597793],
      [-0.51682742, -1.1448841, -3.0492873, -0.39077468], [-0.7113718, -0.43581454, -0.087216931, -2.0891665],
    ], magnitudes: 2254.48289)

  static func parsed(_ text: String) throws(InputError) -> JSONField {
    JSONField(try JSONValue(parsing: Array(text.utf8)), at: "config.json")
  }

  /// The model of a configuration with the formula's parameters.
  static func model(_ text: String) throws -> any LanguageModel {
    let json = try parsed(text)
    if try json.required("model_type").string() == "gpt2" {
      return GPT2(try GPT2.Configuration(json), seed: 1).withFormula()
    }
    return Llama(try Llama.Configuration(json), seed: 1).withFormula()
  }

  static let all: [String] = [gpt2, grouped, scaled, linear, qwen3]
}
