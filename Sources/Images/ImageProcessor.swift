import Formats
@_exported import Tensor

/// Makes of a picture what a model takes in, as `preprocessor_config.json` says: resized, cut to its centre, rescaled,
/// normalised.
public struct ImageProcessor: Sendable, Equatable {
  /// A number of rows and of columns.
  public struct Size: Sendable, Equatable {
    /// The number of rows.
    public var height: Int
    /// The number of columns.
    public var width: Int
    /// As many rows and columns.
    public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
  }

  /// How a picture's size is changed.
  public enum Target: Sendable, Equatable {
    /// To this size, whatever its proportions.
    case size(Size)
    /// To this length of the shorter side, the proportions kept.
    case shortestEdge(Int)
  }

  /// What pictures are resized to; nil for not at all.
  public var target: Target?
  /// How they are resized.
  public var resampling = Resampling.bilinear
  /// The size of the middle part that is taken, black where the picture does not reach; nil for all of it.
  public var crop: Size?
  /// What bytes are multiplied by; nil for nothing.
  public var rescaling: Double? = 1.0 / 255
  /// What is subtracted from each colour, and what the difference is divided by; nil for nothing.
  public var normalization: Normalization? = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])

  /// The mean and deviation of each colour.
  public struct Normalization: Sendable, Equatable {
    /// What is subtracted from red, green and blue.
    public var mean: [Float]
    /// What the difference is divided by.
    public var deviation: [Float]
    /// Three numbers each.
    public init(mean: [Float], deviation: [Float]) {
      precondition(mean.count == 3 && deviation.count == 3, "Normalization: \(mean.count), \(deviation.count) colours")
      (self.mean, self.deviation) = (mean, deviation)
    }
  }

  /// What ViT's processor does unless a file says otherwise.
  public init() { target = .size(Size(height: 224, width: 224)) }

  /// Reads Hugging Face's `preprocessor_config.json`.
  ///
  /// - Throws: a typed error that names the field: of the wrong type or range, or a setting that is not implemented.
  public init(_ json: JSONField) throws(InputError) {
    self.init()
    var isDeiT = false
    let named = try json.optional("image_processor_type")
    let older = try json.optional("feature_extractor_type")
    if let kind = named ?? older {
      let families = ["ViTImageProcessor", "ViTFeatureExtractor", "DeiTImageProcessor", "DeiTFeatureExtractor"]
      let name = try kind.string()
      guard families.contains(where: { [$0, $0 + "Fast", $0 + "Pil"].contains(name) }) else {
        throw kind.error(
          .unsupported, "the processor \"\(name)\" is not implemented",
          advice: "Known are \(families.joined(separator: ", ")).")
      }
      isDeiT = name.hasPrefix("DeiT")
    }
    if isDeiT {
      (target, resampling) = (.size(Size(height: 256, width: 256)), .bicubic)
    }
    func says(_ key: String, _ assumed: Bool) throws(InputError) -> Bool { try json.optional(key)?.bool() ?? assumed }
    if let field = try json.optional("size") { target = try field.target() }
    if try !says("do_resize", true) { target = nil }
    if let field = try json.optional("resample") {
      guard let known = Resampling(rawValue: try field.int()) else {
        throw field.error(.unsupported, "this resampling is not implemented", advice: "Known are 1, 2 and 3.")
      }
      resampling = known
    }
    if try says("do_center_crop", isDeiT) {
      crop = Size(height: 224, width: 224)
      if let field = try json.optional("crop_size") {
        guard case .size(let size) = try field.target() else { throw field.error(.badValue, "is no height and width") }
        crop = size
      }
    }
    if let field = try json.optional("rescale_factor") { rescaling = try field.double(in: 1e-9...1e9) }
    if try !says("do_rescale", true) { rescaling = nil }
    let (mean, deviation) = (
      try json.optional("image_mean")?.colors(-1e9...1e9), try json.optional("image_std")?.colors(1e-9...1e9)
    )
    if let mean { normalization?.mean = mean }
    if let deviation { normalization?.deviation = deviation }
    if try !says("do_normalize", true) { normalization = nil }
  }

  /// The numbers of a picture: `[1, 3, height, width]`.
  ///
  /// - Throws: `budget` for a picture that is too large on the way.
  public func callAsFunction(_ image: Image) throws(InputError) -> Tensor {
    var image = image
    switch target {
    case nil: break
    case .size(let size): image = try image.resized(width: size.width, height: size.height, resampling)
    case .shortestEdge(let edge):
      let (short, long) = (min(image.width, image.height), max(image.width, image.height))
      let longer = Int(Double(edge) * Double(long) / Double(short))
      image =
        try image.width <= image.height
        ? image.resized(width: edge, height: longer, resampling)
        : image.resized(width: longer, height: edge, resampling)
    }
    let height = crop?.height ?? image.height, width = crop?.width ?? image.width
    // Rounded down, also below zero.
    let top = (image.height - height) >> 1, left = (image.width - width) >> 1
    var values = [Float](repeating: 0, count: 3 * height * width)
    for channel in 0..<3 {
      let numbers = (0..<256).map { number(UInt8($0), channel) }
      for y in 0..<height {
        for x in 0..<width {
          let (row, column) = (y + top, x + left)
          let isInside = 0..<image.height ~= row && 0..<image.width ~= column
          let byte = isInside ? image.bytes[(row * image.width + column) * 3 + channel] : 0
          values[(channel * height + y) * width + x] = numbers[Int(byte)]
        }
      }
    }
    return Tensor(values, shape: Shape(1, 3, height, width))
  }

  /// What becomes of a byte of one colour.
  private func number(_ byte: UInt8, _ channel: Int) -> Float {
    let value = rescaling.map { Float(Double(byte) * $0) } ?? Float(byte)
    guard let normalization else { return value }
    return (value - normalization.mean[channel]) / normalization.deviation[channel]
  }
}

extension JSONField {
  private static var sides: ClosedRange<Int> { 1...1 << 13 }

  /// A side of a square, a height and a width, or the length of the shorter side.
  fileprivate func target() throws(InputError) -> ImageProcessor.Target {
    guard kind == .object else {
      let side = try int(in: Self.sides)
      return .size(.init(height: side, width: side))
    }
    if let edge = try optional("shortest_edge") { return .shortestEdge(try edge.int(in: Self.sides)) }
    return .size(
      .init(height: try required("height").int(in: Self.sides), width: try required("width").int(in: Self.sides)))
  }

  /// A number for each colour, or one for all.
  fileprivate func colors(_ range: ClosedRange<Double>) throws(InputError) -> [Float] {
    guard kind == .array else {
      return [Float](repeating: Float(try double(in: range)), count: 3)
    }
    let fields = try array(atMost: 3)
    guard fields.count == 3 else { throw error(.badValue, "has \(fields.count) numbers for three colours") }
    var numbers: [Float] = []
    for field in fields { numbers.append(Float(try field.double(in: range))) }
    return numbers
  }
}
