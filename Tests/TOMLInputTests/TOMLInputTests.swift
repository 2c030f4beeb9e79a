import Testing

@testable import TOMLInput

@Suite("TOML from outside")
struct TOMLInputTests {
  @Test(
    "a table header that begins with no key is an error with its place, not the end of the process",
    arguments: [
      "[{\"svn\":6},{\"svn\":8}]", "a = 1\n  [ {x} ]\n", "[[{", "[ =", "[.a]", "[\u{E9}]",
      "x = '''\n[{\n'''\n[{", "x = [\n1,\n]\n[[ ,", "[\u{0}",
    ])
  func badHeaders(text: String) {
    #expect(throws: TOMLInput.Failure.self) { try TOMLInput.parse(text) }
  }

  @Test("where it is")
  func place() {
    var scan = HeaderScan("a = 1 # [{\n\n  [ {x} ]\n")
    let found = scan.badHeader()
    #expect(found?.line == 3 && found?.column == 5)
  }

  @Test(
    "what looks like such a header and is none",
    arguments: [
      "x = [\n  [1], [2]\n]\n", "x = [\n  [{a = 1}],\n]\n", "s = \"\"\"\n[{\n\"\"\"\n",
      "s = '''\n[{'''\n[a]\n", "s = \"\\\"\"\n[\"q\".b]\n[['x']]\n", "# [{\n[ a . b ]\n",
    ])
  func goodHeaders(text: String) throws {
    _ = try TOMLInput.parse(text)
  }
}
