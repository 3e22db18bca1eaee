#include "tools/reset_plan.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

std::optional<int64_t> time_of(const std::string& text) {
  const auto time = parse_datetime(text);
  return time.ok() ? std::optional(*time) : std::nullopt;
}
std::optional<int64_t> duration_of(const std::string& text) {
  const auto duration = parse_duration(text);
  return duration.ok() ? std::optional(*duration) : std::nullopt;
}

TEST(ResetPlan, a_topic_may_name_its_partitions) {
  EXPECT_EQ(parse_topic_choice("t")->partitions, std::nullopt);
  const auto choice = parse_topic_choice("t:0,12");
  EXPECT_EQ(choice->topic, "t");
  EXPECT_EQ(choice->partitions, (std::vector{PartitionIndex(0), PartitionIndex(12)}));
  EXPECT_EQ(parse_topic_choice("t:").error().message, "Invalid topic arg 't:', expected topic name and partitions");
  EXPECT_EQ(parse_topic_choice("t:x").error().message, "Invalid partition 'x' specified in topic arg 't:x'");
  for (const char* wrong : {":0", "t:0:1", "t:-1", "t:2147483648"}) EXPECT_FALSE(parse_topic_choice(wrong).ok()) << wrong;
}

TEST(ResetPlan, times_are_utc_unless_they_name_a_zone) {
  EXPECT_EQ(time_of("1970-01-01T00:00:00.000"), 0);
  EXPECT_EQ(time_of("2020-02-29T12:34:56.789Z"), 1582979696789);
  EXPECT_EQ(time_of("1970-01-01T05:30:00.000+05:30"), 0);
  EXPECT_EQ(time_of("1970-01-01T05:30:00.000+0530"), 0);
  EXPECT_EQ(time_of("1969-12-31T23:00:00.001-01"), 1);
  for (const char* wrong : {"", "nonsense", "2020-01-01", "2020-01-01T00:00:00", "2019-02-29T00:00:00.000", "2020-13-01T00:00:00.000",
                            "2020-01-01T24:00:00.000", "2020-01-01T00:00:00.000X", "2020-01-01T00:00:00.000+1", "2020-01-01T00:00:00.000+01:300"}) {
    EXPECT_EQ(time_of(wrong), std::nullopt) << wrong;
  }
}

TEST(ResetPlan, durations_are_those_of_iso_8601) {
  EXPECT_EQ(duration_of("P7D"), 604'800'000);
  EXPECT_EQ(duration_of("PT1H30M"), 5'400'000);
  EXPECT_EQ(duration_of("P1DT2H3M4.5S"), 93'784'500);
  EXPECT_EQ(duration_of("PT-0.5S"), -500);
  EXPECT_EQ(duration_of("-PT1M"), -60'000);
  EXPECT_EQ(duration_of("pt0.0009s"), 0);
  for (const char* wrong : {"", "P", "PT", "P1DT", "7D", "P1H", "PT1D", "PT1M1H", "PT1.5M", "PT1", "P1W", "PT1S ", "P99999999999999999999D"}) {
    EXPECT_EQ(duration_of(wrong), std::nullopt) << wrong;
  }
}

TEST(ResetPlan, a_plan_reads_what_it_writes) {
  const ResetPlan plan{{"a,\"b\"", {{{"t", PartitionIndex(0)}, Offset(3)}}}, {"g", {{{"t", PartitionIndex(1)}, Offset(4)}, {{"u", PartitionIndex(0)}, Offset(0)}}}};
  EXPECT_EQ(plan_text(plan, true), "\"a,\"\"b\"\"\",t,0,3\ng,t,1,4\ng,u,0,0\n");
  EXPECT_EQ(*parse_plan(plan_text(plan, true), std::nullopt), plan);
  const ResetPlan one{{"g", plan.at("g")}};
  EXPECT_EQ(plan_text(one, false), "t,1,4\nu,0,0\n");
  EXPECT_EQ(*parse_plan(plan_text(one, false), "g"), one);
  EXPECT_EQ(*parse_plan("\"t\", 1, 4\r\n\r\n\"u\",0,0", "g"), one) << "quotes and blanks do no harm";
}

TEST(ResetPlan, a_wrong_line_is_named) {
  const auto mistake = [](const std::string& csv, const std::optional<std::string>& group) {
    const auto plan = parse_plan(csv, group);
    return plan.ok() ? "" : plan.error().message;
  };
  EXPECT_EQ(mistake("t,0,1\nt,zero,1\n", "g"), "line 2: 't,zero,1' has a partition or an offset that is no number");
  EXPECT_EQ(mistake("t,0\n", "g"), "line 1: 't,0' is not topic,partition,offset");
  EXPECT_EQ(mistake("t,0,1\n", std::nullopt), "line 1: 't,0,1' is not group,topic,partition,offset");
  EXPECT_NE(mistake("\"t,0,1\n", "g"), "");
  EXPECT_NE(mistake("\"t\"x,0,1\n", "g"), "");
  EXPECT_NE(mistake("t,-1,1\n", "g"), "");
}

}  // namespace
}  // namespace quokka
