import Formats

/// What a class of `transformers` (5.23) is by its name: how it cuts text, and what it assumes where no file says so.
struct TokenizerClass {
  /// How a vocabulary without a `tokenizer.json` is read; nil where that is not implemented.
  var family: TokenizerConfiguration.Family?
  /// Whether a text gets a space before it; nil for classes that leave that to the `tokenizer.json`.
  var addsPrefixSpace: Bool?
  /// Special tokens that it has where no file names others.
  var tokens: [(role: String, content: String)] = []
}

extension TokenizerClass {
  /// The class of this name, with or without `Fast` at its end; nil for one that takes everything from a `tokenizer.json`,
  /// which those do that `transformers` does not know.
  init?(_ name: String) {
    let name = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    switch name {
    case "GPT2Tokenizer": self.init(family: .bytePairs(.gpt2), addsPrefixSpace: false, tokens: Self.endOfText)
    case "CodeGenTokenizer", "WhisperTokenizer": self.init(addsPrefixSpace: false, tokens: Self.endOfText)
    case "GPTNeoXTokenizer":
      self.init(addsPrefixSpace: false, tokens: Self.endOfText + [("pad_token", "<|padding|>")])
    case "Qwen2Tokenizer":
      let tokens = ["eos_token", "unk_token", "pad_token"].map { (role: $0, content: "<|endoftext|>") }
      self.init(family: .bytePairs(.qwen2), addsPrefixSpace: false, tokens: tokens)
    case "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "LEDTokenizer":
      self.init(addsPrefixSpace: false, tokens: Self.sentences)
    case "BlenderbotTokenizer": self.init(addsPrefixSpace: true, tokens: Self.sentences)
    case "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer": self.init(family: .bert, tokens: Self.bert)
    case "DebertaTokenizer":
      self.init(addsPrefixSpace: false, tokens: [("bos_token", "[CLS]"), ("eos_token", "[SEP]")] + Self.bert)
    case "LlamaTokenizer":
      let tokens = [(role: "bos_token", content: "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
      self.init(family: .sentencePiece(.llama), addsPrefixSpace: true, tokens: tokens)
    case "XLMRobertaTokenizer":
      self.init(family: .sentencePiece(.xlmRoberta), addsPrefixSpace: true, tokens: Self.sentences)
    case "T5Tokenizer", "MT5Tokenizer":
      let tokens = [(role: "eos_token", content: "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")]
      self.init(family: .sentencePiece(.t5), tokens: tokens)
    case "MarianTokenizer":
      let tokens = [(role: "eos_token", content: "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")]
      self.init(family: .marian, tokens: tokens)
    default: return nil
    }
  }

  private static let endOfText = ["bos_token", "eos_token", "unk_token"].map { (role: $0, content: "<|endoftext|>") }
  private static let sentences = [
    (role: "bos_token", content: "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"),
    ("pad_token", "<pad>"), ("cls_token", "<s>"), ("mask_token", "<mask>"),
  ]
  private static let bert = [
    (role: "unk_token", content: "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
  ]

  /// The name of the class that a model's type (`model_type` of `config.json`) stands for; nil for others.
  static func name(ofModelType type: String) -> String? {
    switch type {
    case "gpt2", "gpt_neo", "gptj", "opt", "phi", "codegen": "GPT2Tokenizer"
    case "gpt_neox", "mamba", "mpt", "olmo": "GPTNeoXTokenizer"
    case "qwen2", "qwen2_moe", "qwen3", "qwen3_moe": "Qwen2Tokenizer"
    case "bert", "distilbert", "electra", "convbert", "ernie", "megatron-bert": "BertTokenizer"
    case "roberta", "bart", "longformer", "ibert", "roberta-prelayernorm": "RobertaTokenizer"
    case "t5", "mt5", "switch_transformers": "T5Tokenizer"
    case "xlm-roberta", "xmod": "XLMRobertaTokenizer"
    case "marian": "MarianTokenizer"
    case "whisper": "WhisperTokenizer"
    case "deberta": "DebertaTokenizer"
    case "blenderbot": "BlenderbotTokenizer"
    default: nil
    }
  }

  /// Whether a model of this type has its `tokenizer.json` taken as it is, whatever class its files name.
  static func ignoresClass(ofModelType type: String) -> Bool { modelTypesWithoutClass.contains(type) }

  private static let modelTypesWithoutClass: Set<String> = [
    "arctic", "aria", "chatlm", "ernie4_5", "ernie4_5_moe", "flex_olmo", "fuyu", "glm", "glm4", "glm4_moe",
    "gpt_bigcode", "granite", "granitemoe", "granitemoehybrid", "granitemoeshared", "hyperclovax",
    "internlm2", "internlm3", "jamba",
    "kimi_k25", "kimi_linear", "llava", "llava_next", "mimo_v2_flash", "minicpm3", "minimax_m2", "ministral",
    "ministral3", "mistral", "mistral3", "mixtral", "modernbert", "modernbert-decoder", "molmo", "nemotron",
    "nystromformer", "olmo2", "olmo3", "olmo_hybrid", "opencua", "pegasus_x", "persimmon", "phi3", "phimoe", "pixtral",
    "smolvlm", "stablelm", "umt5", "vipllava", "voxtral", "xlm-roberta-xl",
  ]
}
