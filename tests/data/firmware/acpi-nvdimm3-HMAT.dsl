/*
 * Intel ACPI Component Architecture
 * AML/ASL+ Disassembler version 20200925 (64-bit version)
 * Copyright (c) 2000 - 2020 Intel Corporation
 * 
 * Disassembly of HMAT.dat, of Linux under QEMU
 *
 * ACPI Data Table [HMAT]
 *
 * Format: [HexOffset DecimalOffset ByteLength]  FieldName : FieldValue
 */

[000h 0000   4]                    Signature : "HMAT"    [Heterogeneous Memory Attributes Table]
[004h 0004   4]                 Table Length : 000002B8
[008h 0008   1]                     Revision : 02
[009h 0009   1]                     Checksum : 58
[00Ah 0010   6]                       Oem ID : "BOCHS "
[010h 0016   8]                 Oem Table ID : "BXPC    "
[018h 0024   4]                 Oem Revision : 00000001
[01Ch 0028   4]              Asl Compiler ID : "BXPC"
[020h 0032   4]        Asl Compiler Revision : 00000001

[024h 0036   4]                     Reserved : 00000000

[028h 0040   2]               Structure Type : 0000 [Memory Proximity Domain Attributes]
[02Ah 0042   2]                     Reserved : 0000
[02Ch 0044   4]                       Length : 00000028
[030h 0048   2]        Flags (decoded below) : 0001
            Processor Proximity Domain Valid : 1
[032h 0050   2]                    Reserved1 : 0000
[034h 0052   4] Attached Initiator Proximity Domain : 00000000
[038h 0056   4]      Memory Proximity Domain : 00000000
[03Ch 0060   4]                    Reserved2 : 00000000
[040h 0064   8]                    Reserved3 : 0000000000000000
[048h 0072   8]                    Reserved4 : 0000000000000000

[050h 0080   2]               Structure Type : 0000 [Memory Proximity Domain Attributes]
[052h 0082   2]                     Reserved : 0000
[054h 0084   4]                       Length : 00000028
[058h 0088   2]        Flags (decoded below) : 0001
            Processor Proximity Domain Valid : 1
[05Ah 0090   2]                    Reserved1 : 0000
[05Ch 0092   4] Attached Initiator Proximity Domain : 00000000
[060h 0096   4]      Memory Proximity Domain : 00000001
[064h 0100   4]                    Reserved2 : 00000000
[068h 0104   8]                    Reserved3 : 0000000000000000
[070h 0112   8]                    Reserved4 : 0000000000000000

[078h 0120   2]               Structure Type : 0000 [Memory Proximity Domain Attributes]
[07Ah 0122   2]                     Reserved : 0000
[07Ch 0124   4]                       Length : 00000028
[080h 0128   2]        Flags (decoded below) : 0001
            Processor Proximity Domain Valid : 1
[082h 0130   2]                    Reserved1 : 0000
[084h 0132   4] Attached Initiator Proximity Domain : 00000002
[088h 0136   4]      Memory Proximity Domain : 00000002
[08Ch 0140   4]                    Reserved2 : 00000000
[090h 0144   8]                    Reserved3 : 0000000000000000
[098h 0152   8]                    Reserved4 : 0000000000000000

[0A0h 0160   2]               Structure Type : 0000 [Memory Proximity Domain Attributes]
[0A2h 0162   2]                     Reserved : 0000
[0A4h 0164   4]                       Length : 00000028
[0A8h 0168   2]        Flags (decoded below) : 0001
            Processor Proximity Domain Valid : 1
[0AAh 0170   2]                    Reserved1 : 0000
[0ACh 0172   4] Attached Initiator Proximity Domain : 00000003
[0B0h 0176   4]      Memory Proximity Domain : 00000003
[0B4h 0180   4]                    Reserved2 : 00000000
[0B8h 0184   8]                    Reserved3 : 0000000000000000
[0C0h 0192   8]                    Reserved4 : 0000000000000000

[0C8h 0200   2]               Structure Type : 0001 [System Locality Latency and Bandwidth Information]
[0CAh 0202   2]                     Reserved : 0000
[0CCh 0204   4]                       Length : 00000054
[0D0h 0208   1]        Flags (decoded below) : 00
                            Memory Hierarchy : 0
[0D1h 0209   1]                    Data Type : 00
[0D2h 0210   2]                    Reserved1 : 0000
[0D4h 0212   4] Initiator Proximity Domains # : 00000003
[0D8h 0216   4]   Target Proximity Domains # : 00000004
[0DCh 0220   4]                    Reserved2 : 00000000
[0E0h 0224   8]              Entry Base Unit : 00000000000F4240
[0E8h 0232   4] Initiator Proximity Domain List : 00000000
[0ECh 0236   4] Initiator Proximity Domain List : 00000002
[0F0h 0240   4] Initiator Proximity Domain List : 00000003
[0F4h 0244   4] Target Proximity Domain List : 00000000
[0F8h 0248   4] Target Proximity Domain List : 00000001
[0FCh 0252   4] Target Proximity Domain List : 00000002
[100h 0256   4] Target Proximity Domain List : 00000003
[104h 0260   2]                        Entry : 0031
[106h 0262   2]                        Entry : 0037
[108h 0264   2]                        Entry : 0000
[10Ah 0266   2]                        Entry : 0021
[10Ch 0268   2]                        Entry : 001A
[10Eh 0270   2]                        Entry : 0016
[110h 0272   2]                        Entry : 0000
[112h 0274   2]                        Entry : 000A
[114h 0276   2]                        Entry : 0033
[116h 0278   2]                        Entry : 0024
[118h 0280   2]                        Entry : 0000
[11Ah 0282   2]                        Entry : 0019

[11Ch 0284   2]               Structure Type : 0001 [System Locality Latency and Bandwidth Information]
[11Eh 0286   2]                     Reserved : 0000
[120h 0288   4]                       Length : 00000054
[124h 0292   1]        Flags (decoded below) : 00
                            Memory Hierarchy : 0
[125h 0293   1]                    Data Type : 01
[126h 0294   2]                    Reserved1 : 0000
[128h 0296   4] Initiator Proximity Domains # : 00000003
[12Ch 0300   4]   Target Proximity Domains # : 00000004
[130h 0304   4]                    Reserved2 : 00000000
[134h 0308   8]              Entry Base Unit : 00000000000003E8
[13Ch 0316   4] Initiator Proximity Domain List : 00000000
[140h 0320   4] Initiator Proximity Domain List : 00000002
[144h 0324   4] Initiator Proximity Domain List : 00000003
[148h 0328   4] Target Proximity Domain List : 00000000
[14Ch 0332   4] Target Proximity Domain List : 00000001
[150h 0336   4] Target Proximity Domain List : 00000002
[154h 0340   4] Target Proximity Domain List : 00000003
[158h 0344   2]                        Entry : 00F5
[15Ah 0346   2]                        Entry : 0091
[15Ch 0348   2]                        Entry : 0000
[15Eh 0350   2]                        Entry : 0109
[160h 0352   2]                        Entry : 004B
[162h 0354   2]                        Entry : 0073
[164h 0356   2]                        Entry : 0000
[166h 0358   2]                        Entry : 010E
[168h 0360   2]                        Entry : 0122
[16Ah 0362   2]                        Entry : 001E
[16Ch 0364   2]                        Entry : 0000
[16Eh 0366   2]                        Entry : 00F5

[170h 0368   2]               Structure Type : 0001 [System Locality Latency and Bandwidth Information]
[172h 0370   2]                     Reserved : 0000
[174h 0372   4]                       Length : 00000054
[178h 0376   1]        Flags (decoded below) : 00
                            Memory Hierarchy : 0
[179h 0377   1]                    Data Type : 03
[17Ah 0378   2]                    Reserved1 : 0000
[17Ch 0380   4] Initiator Proximity Domains # : 00000003
[180h 0384   4]   Target Proximity Domains # : 00000004
[184h 0388   4]                    Reserved2 : 00000000
[188h 0392   8]              Entry Base Unit : 0000000000002000
[190h 0400   4] Initiator Proximity Domain List : 00000000
[194h 0404   4] Initiator Proximity Domain List : 00000002
[198h 0408   4] Initiator Proximity Domain List : 00000003
[19Ch 0412   4] Target Proximity Domain List : 00000000
[1A0h 0416   4] Target Proximity Domain List : 00000001
[1A4h 0420   4] Target Proximity Domain List : 00000002
[1A8h 0424   4] Target Proximity Domain List : 00000003
[1ACh 0428   2]                        Entry : 1482
[1AEh 0430   2]                        Entry : 0A41
[1B0h 0432   2]                        Entry : 0000
[1B2h 0434   2]                        Entry : 14FF
[1B4h 0436   2]                        Entry : 01F4
[1B6h 0438   2]                        Entry : 08CA
[1B8h 0440   2]                        Entry : 0000
[1BAh 0442   2]                        Entry : 02EE
[1BCh 0444   2]                        Entry : 157C
[1BEh 0446   2]                        Entry : 0D2F
[1C0h 0448   2]                        Entry : 0000
[1C2h 0450   2]                        Entry : 0E29

[1C4h 0452   2]               Structure Type : 0001 [System Locality Latency and Bandwidth Information]
[1C6h 0454   2]                     Reserved : 0000
[1C8h 0456   4]                       Length : 00000054
[1CCh 0460   1]        Flags (decoded below) : 00
                            Memory Hierarchy : 0
[1CDh 0461   1]                    Data Type : 04
[1CEh 0462   2]                    Reserved1 : 0000
[1D0h 0464   4] Initiator Proximity Domains # : 00000003
[1D4h 0468   4]   Target Proximity Domains # : 00000004
[1D8h 0472   4]                    Reserved2 : 00000000
[1DCh 0476   8]              Entry Base Unit : 0000000000000400
[1E4h 0484   4] Initiator Proximity Domain List : 00000000
[1E8h 0488   4] Initiator Proximity Domain List : 00000002
[1ECh 0492   4] Initiator Proximity Domain List : 00000003
[1F0h 0496   4] Target Proximity Domain List : 00000000
[1F4h 0500   4] Target Proximity Domain List : 00000001
[1F8h 0504   4] Target Proximity Domain List : 00000002
[1FCh 0508   4] Target Proximity Domain List : 00000003
[200h 0512   2]                        Entry : 0014
[202h 0514   2]                        Entry : 00D2
[204h 0516   2]                        Entry : 0000
[206h 0518   2]                        Entry : 009B
[208h 0520   2]                        Entry : 0127
[20Ah 0522   2]                        Entry : 00BE
[20Ch 0524   2]                        Entry : 0000
[20Eh 0526   2]                        Entry : 004B
[210h 0528   2]                        Entry : 0032
[212h 0530   2]                        Entry : 000F
[214h 0532   2]                        Entry : 0000
[216h 0534   2]                        Entry : 00DC

[218h 0536   2]               Structure Type : 0002 [Memory Side Cache Information]
[21Ah 0538   2]                     Reserved : 0000
[21Ch 0540   4]                       Length : 00000020
[220h 0544   4]      Memory Proximity Domain : 00000001
[224h 0548   4]                    Reserved1 : 00000000
[228h 0552   8]       Memory Side Cache Size : 0000000000010000
[230h 0560   4] Cache Attributes (decoded below) : 00401213
                          Total Cache Levels : 3
                                 Cache Level : 1
                         Cache Associativity : 2
                                Write Policy : 1
                             Cache Line Size : 0040
[234h 0564   2]                    Reserved2 : 0000
[236h 0566   2]              SMBIOS Handle # : 0000

[238h 0568   2]               Structure Type : 0002 [Memory Side Cache Information]
[23Ah 0570   2]                     Reserved : 0000
[23Ch 0572   4]                       Length : 00000020
[240h 0576   4]      Memory Proximity Domain : 00000001
[244h 0580   4]                    Reserved1 : 00000000
[248h 0584   8]       Memory Side Cache Size : 0000000000040000
[250h 0592   4] Cache Attributes (decoded below) : 00401023
                          Total Cache Levels : 3
                                 Cache Level : 2
                         Cache Associativity : 0
                                Write Policy : 1
                             Cache Line Size : 0040
[254h 0596   2]                    Reserved2 : 0000
[256h 0598   2]              SMBIOS Handle # : 0000

[258h 0600   2]               Structure Type : 0002 [Memory Side Cache Information]
[25Ah 0602   2]                     Reserved : 0000
[25Ch 0604   4]                       Length : 00000020
[260h 0608   4]      Memory Proximity Domain : 00000001
[264h 0612   4]                    Reserved1 : 00000000
[268h 0616   8]       Memory Side Cache Size : 0000000000100000
[270h 0624   4] Cache Attributes (decoded below) : 00800033
                          Total Cache Levels : 3
                                 Cache Level : 3
                         Cache Associativity : 0
                                Write Policy : 0
                             Cache Line Size : 0080
[274h 0628   2]                    Reserved2 : 0000
[276h 0630   2]              SMBIOS Handle # : 0000

[278h 0632   2]               Structure Type : 0002 [Memory Side Cache Information]
[27Ah 0634   2]                     Reserved : 0000
[27Ch 0636   4]                       Length : 00000020
[280h 0640   4]      Memory Proximity Domain : 00000003
[284h 0644   4]                    Reserved1 : 00000000
[288h 0648   8]       Memory Side Cache Size : 0000000000010000
[290h 0656   4] Cache Attributes (decoded below) : 00400212
                          Total Cache Levels : 2
                                 Cache Level : 1
                         Cache Associativity : 2
                                Write Policy : 0
                             Cache Line Size : 0040
[294h 0660   2]                    Reserved2 : 0000
[296h 0662   2]              SMBIOS Handle # : 0000

[298h 0664   2]               Structure Type : 0002 [Memory Side Cache Information]
[29Ah 0666   2]                     Reserved : 0000
[29Ch 0668   4]                       Length : 00000020
[2A0h 0672   4]      Memory Proximity Domain : 00000003
[2A4h 0676   4]                    Reserved1 : 00000000
[2A8h 0680   8]       Memory Side Cache Size : 0000000000040000
[2B0h 0688   4] Cache Attributes (decoded below) : 00401222
                          Total Cache Levels : 2
                                 Cache Level : 2
                         Cache Associativity : 2
                                Write Policy : 1
                             Cache Line Size : 0040
[2B4h 0692   2]                    Reserved2 : 0000
[2B6h 0694   2]              SMBIOS Handle # : 0000

Raw Table Data: Length 696 (0x2B8)

    0000: 48 4D 41 54 B8 02 00 00 02 58 42 4F 43 48 53 20  // HMAT.....XBOCHS 
    0010: 42 58 50 43 20 20 20 20 01 00 00 00 42 58 50 43  // BXPC    ....BXPC
    0020: 01 00 00 00 00 00 00 00 00 00 00 00 28 00 00 00  // ............(...
    0030: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    0040: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    0050: 00 00 00 00 28 00 00 00 01 00 00 00 00 00 00 00  // ....(...........
    0060: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    0070: 00 00 00 00 00 00 00 00 00 00 00 00 28 00 00 00  // ............(...
    0080: 01 00 00 00 02 00 00 00 02 00 00 00 00 00 00 00  // ................
    0090: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    00A0: 00 00 00 00 28 00 00 00 01 00 00 00 03 00 00 00  // ....(...........
    00B0: 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    00C0: 00 00 00 00 00 00 00 00 01 00 00 00 54 00 00 00  // ............T...
    00D0: 00 00 00 00 03 00 00 00 04 00 00 00 00 00 00 00  // ................
    00E0: 40 42 0F 00 00 00 00 00 00 00 00 00 02 00 00 00  // @B..............
    00F0: 03 00 00 00 00 00 00 00 01 00 00 00 02 00 00 00  // ................
    0100: 03 00 00 00 31 00 37 00 00 00 21 00 1A 00 16 00  // ....1.7...!.....
    0110: 00 00 0A 00 33 00 24 00 00 00 19 00 01 00 00 00  // ....3.$.........
    0120: 54 00 00 00 00 01 00 00 03 00 00 00 04 00 00 00  // T...............
    0130: 00 00 00 00 E8 03 00 00 00 00 00 00 00 00 00 00  // ................
    0140: 02 00 00 00 03 00 00 00 00 00 00 00 01 00 00 00  // ................
    0150: 02 00 00 00 03 00 00 00 F5 00 91 00 00 00 09 01  // ................
    0160: 4B 00 73 00 00 00 0E 01 22 01 1E 00 00 00 F5 00  // K.s.....".......
    0170: 01 00 00 00 54 00 00 00 00 03 00 00 03 00 00 00  // ....T...........
    0180: 04 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00  // ......... ......
    0190: 00 00 00 00 02 00 00 00 03 00 00 00 00 00 00 00  // ................
    01A0: 01 00 00 00 02 00 00 00 03 00 00 00 82 14 41 0A  // ..............A.
    01B0: 00 00 FF 14 F4 01 CA 08 00 00 EE 02 7C 15 2F 0D  // ............|./.
    01C0: 00 00 29 0E 01 00 00 00 54 00 00 00 00 04 00 00  // ..).....T.......
    01D0: 03 00 00 00 04 00 00 00 00 00 00 00 00 04 00 00  // ................
    01E0: 00 00 00 00 00 00 00 00 02 00 00 00 03 00 00 00  // ................
    01F0: 00 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00  // ................
    0200: 14 00 D2 00 00 00 9B 00 27 01 BE 00 00 00 4B 00  // ........'.....K.
    0210: 32 00 0F 00 00 00 DC 00 02 00 00 00 20 00 00 00  // 2........... ...
    0220: 01 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00  // ................
    0230: 13 12 40 00 00 00 00 00 02 00 00 00 20 00 00 00  // ..@......... ...
    0240: 01 00 00 00 00 00 00 00 00 00 04 00 00 00 00 00  // ................
    0250: 23 10 40 00 00 00 00 00 02 00 00 00 20 00 00 00  // #.@......... ...
    0260: 01 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00  // ................
    0270: 33 00 80 00 00 00 00 00 02 00 00 00 20 00 00 00  // 3........... ...
    0280: 03 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00  // ................
    0290: 12 02 40 00 00 00 00 00 02 00 00 00 20 00 00 00  // ..@......... ...
    02A0: 03 00 00 00 00 00 00 00 00 00 04 00 00 00 00 00  // ................
    02B0: 22 12 40 00 00 00 00 00                          // ".@.....
