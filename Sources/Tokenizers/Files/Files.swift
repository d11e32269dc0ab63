public import Formats

/// A file's bytes.
///
/// - Throws: `notFound`, `tooLarge` before anything is read, or `io` (also for a pipe or a device), with the path as the
///   place.
func readFile(_ path: String, atMost limit: Int = 256 << 20) throws(InputError) -> [UInt8] {
  try InputFile.contents(of: path, atMost: limit)
}

extension CharacterTokenizer {
  /// The name of the tokenizer's file in a model's folder.
  public static let fileName = "characters.json"

  /// Reads the file that `save` wrote.
  ///
  /// - Throws: `InputError`, as for the contents; `notFound`, `tooLarge` or `io` for the file.
  public init(path: String) throws(InputError) {
    let bytes = try readFile(path, atMost: 32 << 20)
    do throws(InputError) {
      try self.init(fileContents: bytes)
    } catch {
      throw error.inside(path)
    }
  }

  /// Writes the tokenizer to a file, which is replaced whole or not at all.
  ///
  /// - Throws: `io` and `notFound` when the disk refuses it.
  public func save(to path: String) throws(InputError) {
    try AtomicFile.write(try fileContents, to: path)
  }
}
