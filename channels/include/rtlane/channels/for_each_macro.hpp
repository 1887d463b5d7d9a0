// RTLANE_DETAIL_FOR_EACH(macro, type, a, b, c) is macro(type, a), macro(type, b), macro(type, c): up to 64. With 65 to
// 128 it is macro(type, a) only, so that the user's static_assert is what one reads. An empty list counts as one.
//
// Written out instead of the usual recursive trick, because a compiler's error about member k then
// shows k lines of macro expansion, not hundreds.
#pragma once

#define RTLANE_DETAIL_FOR_EACH(macro, type, ...) \
  RTLANE_DETAIL_EACH_OF(RTLANE_DETAIL_NUMBER(__VA_ARGS__))(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_OF(n) RTLANE_DETAIL_EACH_OF_(n)
#define RTLANE_DETAIL_EACH_OF_(n) RTLANE_DETAIL_EACH_##n
// How many: 1 to 64, or 0 for more.
#define RTLANE_DETAIL_NUMBER(...)                                                                                     \
  RTLANE_DETAIL_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
                     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
                     0, 0, 0, 0, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44,  \
                     43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20,  \
                     19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define RTLANE_DETAIL_PICK(                                                                                            \
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21, p22, p23, p24,     \
    p25, p26, p27, p28, p29, p30, p31, p32, p33, p34, p35, p36, p37, p38, p39, p40, p41, p42, p43, p44, p45, p46, p47, \
    p48, p49, p50, p51, p52, p53, p54, p55, p56, p57, p58, p59, p60, p61, p62, p63, p64, p65, p66, p67, p68, p69, p70, \
    p71, p72, p73, p74, p75, p76, p77, p78, p79, p80, p81, p82, p83, p84, p85, p86, p87, p88, p89, p90, p91, p92, p93, \
    p94, p95, p96, p97, p98, p99, p100, p101, p102, p103, p104, p105, p106, p107, p108, p109, p110, p111, p112, p113,  \
    p114, p115, p116, p117, p118, p119, p120, p121, p122, p123, p124, p125, p126, p127, p128, n, ...)                  \
  n
#define RTLANE_DETAIL_EACH_0(macro, type, a, ...) macro(type, a)
#define RTLANE_DETAIL_EACH_1(macro, type, a) macro(type, a)
#define RTLANE_DETAIL_EACH_2(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_1(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_3(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_2(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_4(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_3(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_5(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_4(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_6(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_5(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_7(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_6(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_8(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_7(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_9(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_8(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_10(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_9(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_11(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_10(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_12(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_11(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_13(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_12(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_14(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_13(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_15(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_14(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_16(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_15(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_17(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_16(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_18(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_17(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_19(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_18(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_20(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_19(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_21(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_20(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_22(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_21(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_23(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_22(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_24(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_23(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_25(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_24(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_26(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_25(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_27(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_26(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_28(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_27(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_29(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_28(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_30(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_29(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_31(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_30(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_32(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_31(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_33(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_32(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_34(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_33(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_35(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_34(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_36(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_35(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_37(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_36(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_38(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_37(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_39(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_38(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_40(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_39(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_41(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_40(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_42(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_41(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_43(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_42(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_44(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_43(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_45(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_44(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_46(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_45(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_47(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_46(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_48(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_47(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_49(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_48(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_50(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_49(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_51(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_50(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_52(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_51(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_53(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_52(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_54(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_53(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_55(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_54(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_56(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_55(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_57(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_56(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_58(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_57(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_59(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_58(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_60(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_59(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_61(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_60(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_62(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_61(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_63(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_62(macro, type, __VA_ARGS__)
#define RTLANE_DETAIL_EACH_64(macro, type, a, ...) macro(type, a), RTLANE_DETAIL_EACH_63(macro, type, __VA_ARGS__)
