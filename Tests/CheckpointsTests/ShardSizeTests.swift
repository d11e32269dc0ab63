import Checkpoints
import Formats
import Testing

@Suite struct ShardSizes {
  @Test(arguments: [
    ("5GB", 5_000_000_000), ("1.5MB", 1_500_000), (" 10 kb ", 10_000), ("2TB", 2_000_000_000_000),
    ("0.3GB", 300_000_000), ("1.001GB", 1_000_999_999), ("1.025MB", 1_024_999), ("4.35TB", 4_349_999_999_999),
    ("1.9999KB", 1999), ("0.000000000001TB", 1), ("123456789.123456789KB", 123_456_789_123),
  ]) func `sizes are read as the reference reads them`(text: String, count: Int) throws {
    #expect(try ShardSize(parsing: text).byteCount == count)
  }

  @Test(arguments: [
    ("3KiB", 3072), ("2MIB", 2_097_152), ("1gib", 1_073_741_824), ("0.5TiB", 549_755_813_888), ("7", 7), (" 1.9 ", 1),
    ("1048576TiB", 1 << 60), ("1152921504606846976", 1 << 60),
  ]) func `sizes are read that the reference does not know`(text: String, count: Int) throws {
    #expect(try ShardSize(parsing: text).byteCount == count)
  }

  @Test(arguments: [
    "", "GB", "5 G", "-5GB", "+5GB", "0", "0.5", "0KB", "1e3KB", "nanMB", "infMB", "0x10", "1..5GB", ".", "5GBs",
    "10000000TB", "5é", "5PB", "5G", "5 5KB", "5 K B", "5\u{212A}B", "5KB\u{301}", "٥KB", "\0KB", "1048576.1TiB", "nan",
    "inf", "-1", "1_000KB", String(repeating: "9", count: 400) + "TB", String(repeating: "9", count: 400),
    "0." + String(repeating: "0", count: 400) + "1TB",
  ]) func `what is no size is refused`(text: String) {
    #expect(errorKind { () throws(InputError) in try ShardSize(parsing: text) } == .badValue)
  }
}
