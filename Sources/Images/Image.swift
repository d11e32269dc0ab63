@_exported import Formats

/// A picture of red, green and blue, a byte each.
public struct Image: Sendable, Equatable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// Row after row from the top, each pixel's red, green and blue: `height * width * 3` bytes.
  public let bytes: [UInt8]

  /// A picture of these bytes, row after row.
  public init(width: Int, height: Int, bytes: [UInt8]) {
    precondition(
      width > 0 && height > 0 && bytes.count == width * height * 3,
      "Image: \(bytes.count) bytes for \(width) x \(height) pixels")
    (self.width, self.height, self.bytes) = (width, height, bytes)
  }

  /// The most pixels that a file may hold.
  public static let pixelLimit = 1 << 26
  /// The most bytes that a file may have.
  static let fileLimit = 1 << 28

  /// Reads a PNG, a PGM or a PPM file, whichever it is by its first bytes.
  ///
  /// Grey becomes equal red, green and blue; 16 bits become 8; what says how far a pixel is seen through is left out.
  /// - Throws: `notFound`, `io`; `tooLarge` or `budget` for more than `fileLimit` bytes or `pixelLimit` pixels, before
  ///   memory is taken for them; a typed error with the place for anything malformed; `unsupported` for other formats.
  public init(opening path: String) throws(InputError) {
    let file = try InputFile.contents(of: path, atMost: Image.fileLimit)
    do throws(InputError) { try self.init(decoding: file) } catch { throw error.inside(path) }
  }

  /// Reads the bytes of a PNG, a PGM or a PPM file.
  ///
  /// - Throws: as `init(opening:)`.
  public init(decoding file: [UInt8]) throws(InputError) {
    if file.starts(with: PNGDecoder.signature) {
      var decoder = PNGDecoder(file)
      self = try decoder.image()
    } else if file.count >= 2, file[0] == UInt8(ascii: "P"), (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(file[1]) {
      var decoder = PixmapDecoder(file)
      self = try decoder.image()
    } else {
      throw InputError(
        .unsupported, "is no image of a known kind", at: "byte 0",
        advice: "Known are PNG, PGM and PPM; other programs convert to these.")
    }
  }

  /// Refuses sizes that are nothing or too much.
  static func check(width: Int, height: Int) throws(InputError) {
    guard width > 0, height > 0 else {
      throw InputError(.badValue, "the image has \(width) x \(height) pixels")
    }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= pixelLimit else {
      throw InputError(
        .budget, "the image has \(width) x \(height) pixels, more than \(pixelLimit)", advice: "Make it smaller.")
    }
  }
}
