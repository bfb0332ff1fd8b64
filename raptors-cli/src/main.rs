fn main() { println!("{:?}", raptors::explain("scale", raptors::Dtype::F32, (512,512)));
 println!("{:?}", raptors::catalogue::ops().len()); }
