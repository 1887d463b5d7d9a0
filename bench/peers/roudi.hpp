// iceoryx's daemon, which has to run while anything uses iceoryx.
#pragma once

#include <string>

namespace rtlane::bench {

// RouDi runs from the return on until this process and all that it forked are gone, in whatever way; then it is told to
// end and its files are removed. One that runs on this machine already is used as it is and left alone: it has to have
// chunks of the message sizes, and monitoring has to be off where users poll with a real-time policy. Only the first
// call of a process and its fork children does something. Does not wait for it to come up.
void start_roudi();

// The same, and returns when RouDi is up. Ends the process by die() when it does not come up.
void need_roudi();

// What the names that this process registers with RouDi have to begin with: what a killed process of that name leaves
// behind is removed, too.
const std::string& roudi_name_prefix();

}  // namespace rtlane::bench
