#include "coord/session/session_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace quokka {
namespace {

class SessionFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/quokka-session-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory = name;
    path = directory + "/zookeeper-session";
  }
  void TearDown() override {
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
  }
  void write(const std::string& text) { std::ofstream(path) << text; }

  std::string directory;
  std::string path;
};

TEST_F(SessionFile, IsReadAsWritten) {
  SessionKey key;
  key.id = -0x7eadbeef12345678;
  for (size_t i = 0; i < key.password.size(); ++i) key.password[i] = static_cast<char>(i * 17);
  ASSERT_TRUE(write_session_file(path, key).ok());
  ASSERT_TRUE(write_session_file(path, key).ok());
  auto read = read_session_file(path);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, key.id);
  EXPECT_EQ(read->password, key.password);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  remove_session_file(path);
  EXPECT_FALSE(read_session_file(path));
}

TEST_F(SessionFile, ACopyElsewhereIsNoSession) {
  ASSERT_TRUE(write_session_file(path, SessionKey{1, {}}).ok());
  const std::string copy = directory + "/copy/zookeeper-session";
  ASSERT_TRUE(std::filesystem::create_directory(directory + "/copy") && std::filesystem::copy_file(path, copy));
  EXPECT_TRUE(read_session_file(path));
  EXPECT_FALSE(read_session_file(copy));
  std::filesystem::remove_all(directory + "/copy");
}

TEST_F(SessionFile, AnythingElseIsNoSession) {
  EXPECT_FALSE(read_session_file(path));
  ASSERT_TRUE(write_session_file(path, SessionKey{1, {}}).ok());
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  const std::string whole = content.str();
  const std::string place = whole.substr(whole.find("place="));
  for (const std::string& text :
       {std::string(), std::string("version=2\n"), whole.substr(0, whole.find("place=")),
        "version=1\nsession_id=0000000000000001\npassword=00000000000000000000000000000000\n" + place,
        "version=2\nsession_id=1\npassword=00000000000000000000000000000000\n" + place,
        "version=2\nsession_id=000000000000000x\npassword=00000000000000000000000000000000\n" + place,
        "version=2\nsession_id=0000000000000000\npassword=00000000000000000000000000000000\n" + place,
        "version=2\nsession_id=0000000000000001\npassword=00\n" + place}) {
    write(text);
    EXPECT_FALSE(read_session_file(path)) << text;
  }
}

TEST_F(SessionFile, AFailureNamesThePath) {
  Status status = write_session_file(directory + "/missing/file", SessionKey{1, {}});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find(directory + "/missing/file"), std::string::npos);
}

}  // namespace
}  // namespace quokka
