import Checkpoints
import Formats
import Layers
import Tensor

extension GPT2 {
  /// GPT-2 that scores the next token and, of several texts, how well each one goes on: from the state of one of its tokens
  /// (Radford et al. 2018).
  public struct DoubleHeads: Module {
    /// The model with its head for the next token.
    public var model: GPT2
    /// From a token's state to the score of its text.
    public var choice: Linear
    /// What the score goes through; nil where it stays as it is.
    let activation: Activation?

    /// A model whose parameters `initializer` makes.
    ///
    /// - Parameter hasHead: whether the output has a matrix of its own.
    public init(
      _ configuration: Configuration, hasHead: Bool = false, activation: Activation? = nil,
      _ initializer: inout Initializer
    ) {
      model = GPT2(configuration, hasHead: hasHead, &initializer)
      choice = Linear(configuration.width, 1, bias: true, &initializer)
      self.activation = activation
    }

    /// The scores of each row's next tokens, `[rows, time, vocabulary]`, and of the rows, `[rows]`.
    ///
    /// - Parameter places: which token's state a row is judged by; the last one's unless given.
    public func callAsFunction(
      _ tokens: TokenBatch, tokenTypes: TokenBatch? = nil, at places: [Int]? = nil, _ pass: inout Pass
    ) -> (tokens: Tensor, rows: Tensor) {
      let (batch, time, width) = (tokens.batch, tokens.time, model.configuration.width)
      let places = places ?? Array(repeating: time - 1, count: batch)
      precondition(
        places.count == batch && places.allSatisfy { 0..<time ~= $0 },
        "GPT2.DoubleHeads: tokens \(places) of \(batch) rows of \(time)")
      let hidden = model.decoder(tokens, tokenTypes: tokenTypes, &pass)
      let states = hidden.reshaped(batch * time, width)
        .rows(at: places.enumerated().map { Int32(truncatingIfNeeded: $0 * time + $1) })
      return (model.logits(hidden), choice(states, activation: activation).reshaped(Shape(batch)))
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      model.visit(&visitor)
      visitor("multiple_choice_head.summary", &choice)
    }
  }
}

extension GPT2.DoubleHeads: PretrainedClass {
  /// The model with both heads: the file decides whether that of the next token is a matrix of its own.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let json = folder.configuration
    if let field = try json.optional("summary_type"), try field.string() != "cls_index" {
      throw field.error(.unsupported, "texts are judged by one token only, \"cls_index\"")
    }
    try json.refuse("summary_use_proj", unless: true)
    try json.refuse("summary_proj_to_labels", unless: true)
    let file = try DecoderFile<GPT2.Configuration>(folder), hasHead = try file.hasOwnHead()
    let names = file.configuration.fileNames
    var initializer = Initializer.placeholders
    let model = Self(
      file.configuration, hasHead: hasHead, activation: try json.optional("summary_activation")?.activation(),
      &initializer)
    return file.outline(
      model, base: names.base, otherHeads: hasHead ? [] : ["lm_head.weight"],
      aliases: hasHead ? [:] : [names.base + "." + names.embedding: [names.embedding, "lm_head.weight"]])
  }

  /// `config.json` of the class.
  public var folderConfiguration: JSONValue {
    let json = model.configuration.json(
      of: "GPT2DoubleHeadsModel", tiesHead: model.head == nil, format: matrixFormat)
    guard let activation, case .object(let members) = json else { return json }
    return .object(members + [JSONMember("summary_activation", .activation(activation))])
  }

  /// What readers expect besides.
  public var extraTensors: [(name: String, value: Tensor)] {
    model.configuration.extraTensors(beside: model.parameters)
  }

  /// Takes `input_ids`, `[batch, choices, time]` or rows, and where there are any `mc_token_ids`, `token_type_ids` and, of
  /// all texts as rows, `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (places, types, ids) = ("mc_token_ids", "token_type_ids", "input_ids"), c = model.configuration
    try inputs.refuse(except: [ids, "attention_mask", types, places])
    let axes = inputs.axisCount(of: ids) == 3 ? 3 : 2
    let (tokens, shape) = try inputs.tokens(ids, below: c.vocabularySize, axes: axes)
    try inputs.check(tokens, contextLength: c.contextLength)
    let typed = inputs.has(types) ? try inputs.tokens(types, below: c.vocabularySize, like: shape) : nil
    let own = inputs.has(places) ? try inputs.tokens(places, below: tokens.time, like: shape.dropLast()) : nil
    var pass = Pass(mask: try inputs.mask("attention_mask", like: [tokens.batch, tokens.time]))
    let found = self(tokens, tokenTypes: typed, at: own?.ids.map { Int($0) }, &pass)
    return [
      ("logits", found.tokens.reshaped(Shape(shape + [c.vocabularySize]))),
      ("mc_logits", found.rows.reshaped(Shape(shape.dropLast()))),
    ]
  }
}
