// What is known of each peer without its headers, since a peer whose package is missing is listed too.
#pragma once

#include "link.hpp"

namespace rtlane::bench {

inline constexpr LinkInfo boost_spsc_queue_info = {"boost/spsc_queue", "spsc", "libboost-dev", Reach::processes, false};
inline constexpr LinkInfo boost_queue_info = {"boost/queue", "mpmc", "libboost-dev", Reach::processes, false, true};
inline constexpr LinkInfo boost_message_queue_info = {"boost/message_queue", "queue", "libboost-dev",
                                                      Reach::processes,      true,    true};
inline constexpr LinkInfo moodycamel_concurrent_queue_info = {
    "moodycamel/ConcurrentQueue", "mpmc", "libconcurrentqueue-dev", Reach::threads, false, true};
inline constexpr LinkInfo moodycamel_reader_writer_queue_info = {"moodycamel/ReaderWriterQueue", "spsc",
                                                                 "libreaderwriterqueue-dev", Reach::threads, false};
inline constexpr LinkInfo atomic_queue_spsc_info = {"atomic_queue/spsc", "spsc", "libatomic-queue-dev",
                                                    Reach::processes, false};
inline constexpr LinkInfo atomic_queue_mpmc_info = {"atomic_queue/mpmc", "mpmc", "libatomic-queue-dev",
                                                    Reach::processes,    false,  true};
inline constexpr LinkInfo xenium_vyukov_bounded_queue_info = {
    "xenium/vyukov_bounded_queue", "mpmc", "libxenium-dev", Reach::threads, false, true};
inline constexpr LinkInfo ck_ring_spsc_info = {"ck/ring_spsc", "spsc", "libck-dev", Reach::processes, false};
inline constexpr LinkInfo ck_ring_mpmc_info = {"ck/ring_mpmc", "mpmc", "libck-dev", Reach::processes, false, true};
inline constexpr LinkInfo posix_mq_info = {"posix/mq", "queue", "", Reach::processes, true, true};
inline constexpr LinkInfo linux_pipe_info = {"linux/pipe", "pipe", "", Reach::processes, true, true};
inline constexpr LinkInfo linux_seqpacket_info = {"linux/seqpacket", "socket", "", Reach::processes, true, true};
inline constexpr LinkInfo linux_eventfd_shm_info = {"linux/eventfd+shm", "spsc", "", Reach::processes, true};
inline constexpr LinkInfo iceoryx_pubsub_info = {"iceoryx/pubsub", "pubsub", "libiceoryx-posh-dev iceoryx",
                                                 Reach::processes, false,    true};
inline constexpr LinkInfo zeromq_ipc_info = {"zeromq/ipc", "socket", "libzmq3-dev", Reach::processes, true};
inline constexpr LinkInfo cyclonedds_pubsub_info = {"cyclonedds/pubsub", "pubsub", "cyclonedds-dev cyclonedds-tools",
                                                    Reach::processes,    true,     true};

}  // namespace rtlane::bench
