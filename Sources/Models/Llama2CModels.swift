import Checkpoints
import Formats
import Layers
import Tensor

extension PretrainedModel {
  /// Loads the decoder of a llama2.c file (`stories15M.bin`).
  static func loadLlama2C(
    _ path: String, as format: StorageFormat?
  ) throws(InputError) -> any LanguageModel {
    let checkpoint = try Llama2CCheckpoint(at: path)
    let s = checkpoint.sizes
    try check(layerCount: s.layerCount, checkpoint)
    var configuration = Llama.Configuration(
      vocabularySize: s.vocabularySize, contextLength: s.contextLength, width: s.width, layerCount: s.layerCount,
      headCount: s.headCount, keyValueHeadCount: s.keyValueHeadCount, feedForwardWidth: s.feedForwardWidth)
    configuration.normEpsilon = 1e-5
    configuration.tiesHead = s.tiesHead
    // The format has no place for these: its tokenizers begin texts with 1, and its program stops at it too.
    (configuration.startToken, configuration.endTokens) = (1, s.vocabularySize > 2 ? [1, 2] : [])
    var initializer = Initializer.placeholders
    var model = Llama(configuration, hasHead: !s.tiesHead, &initializer)
    var names = CheckpointNames { $0.hasPrefix("freqs_") ? .constant : nil }
    let top = [
      "model.embed_tokens.weight": "tok_embeddings.weight", "model.norm.weight": "norm.weight",
      "lm_head.weight": "output.weight",
    ]
    let parts = [
      "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attention.wq",
      "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv", "self_attn.o_proj": "attention.wo",
      "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2", "mlp.up_proj": "feed_forward.w3",
    ]
    names.translation = { name in
      if let known = top[name] { return known }
      let steps = name.split(separator: ".", maxSplits: 3)
      guard steps.count == 4, steps[3].hasSuffix(".weight"), let part = parts[String(steps[3].dropLast(7))] else {
        return nil
      }
      return "layers.\(steps[2]).\(part).weight"
    }
    names.layout = { name in
      if name.contains(".q_proj.") { return .rotaryPairs(heads: s.headCount) }
      return name.contains(".k_proj.") ? .rotaryPairs(heads: s.keyValueHeadCount) : .same
    }
    try checkpoint.load(into: &model, names: names, as: format)
    return model
  }
}
