#include "broker/peers/broker_link.h"

#include <gtest/gtest.h>

#include "broker/peers/scripted_leader.h"
#include "protocol/client/typed_call.h"
#include "protocol/messages/list_offsets.h"

namespace quokka {
namespace {

class BrokerLinkTest : public ::testing::Test {
 protected:
  void know(int32_t port) {
    ClusterUpdate update;
    if (port > 0) update.brokers = {{BrokerId(2), {{"PLAINTEXT", "b", port, 0}}, {}}};
    view_.apply(update);
  }
  void ask() {
    send<ListOffsetsResponse>(*link_.to(BrokerId(2)), ListOffsetsRequest(), 7,
                              [this](Result<Answer<ListOffsetsResponse>> answer) { outcomes_.push_back(answer.code()); });
    loop_.run_ready();
  }

  ManualLoop loop_;
  testing::ScriptedLeader peer_{loop_};
  ViewHolder view_;
  BrokerLink link_{loop_, peer_, view_, {"PLAINTEXT", "test"}};
  std::vector<ErrorCode> outcomes_;
};

TEST_F(BrokerLinkTest, ARequestUnderWayFailsWhenTheBrokerMovesOrGoes) {
  know(9092);
  ask();
  ASSERT_EQ(peer_.unanswered(), 1u);
  know(9093);
  ask();
  EXPECT_EQ(outcomes_, std::vector<ErrorCode>{ErrorCode::NETWORK_EXCEPTION}) << "else who asked would wait for ever";
  EXPECT_EQ(peer_.connections(), 2u);
  know(0);
  EXPECT_EQ(link_.to(BrokerId(2)), nullptr);
  loop_.run_ready();
  EXPECT_EQ(outcomes_.size(), 2u);
}

}  // namespace
}  // namespace quokka
